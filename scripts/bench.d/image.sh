# shellcheck shell=bash disable=SC2154
# SPDX-License-Identifier: BSD-2-Clause
#
# image.sh - what scripts/bench measures on a disk image before and after an
# upgrade of its packages: sending, carrying it to a replica, sending it whole.
#
# To be sourced after fs.sh.

IMAGE_SIZE=8G FILL_MIB=2450
PACKAGES=800 PACKAGE_FILES=4	# of each package of the upgrade
DENSE_MIB=1500

image_is_quick()
{
	IMAGE_SIZE=2G FILL_MIB=500 PACKAGES=160
	DENSE_MIB=400
}

# As many of this machine's files as fill so many MiB.
list_files()
{
	{ find /usr/bin /usr/lib /usr/share /usr/local /opt -xdev -type f \
	    ! -name $'*\n*' -size -65536k -printf '%p\t%s\n' 2>/dev/null ||
	    true; } | sort | awk -F '\t' -v limit="$1" '
	    { sum += $2 + 4096 } sum <= limit * 1048576 { print $1 }'
}

log_lines()
{
	awk -v count="$1" -v line="$2" \
	    'BEGIN { while (count-- > 0) print line, count }'
}

# The files of some packages, evenly chosen: "PACKAGE FILE" a line.  Files that
# follow each other in the order of their names stand for a package.  Every
# other package is the same in each version $1, the rest are others.
choose_packages()
{
	find image/usr -type f -size -8192k | sort |
	    awk -v packages="$PACKAGES" -v files="$PACKAGE_FILES" \
	    -v version="$1" '
	    { line[NR] = $0 } END {
	    step = int(NR / packages)
	    for (i = 0; i < packages; i++) {
		at = i * step + (i % 2) * version * files
		for (j = 1; j <= files && at + j <= NR; j++)
			print i, line[at + j] } }'
}

# One file of a new version: most are written beside the old one and renamed
# over it, one of twelve goes, one of twelve comes.
upgrade_file()
{
	local file=$1 version=$3

	{ LC_ALL=C sed "s/the /th$version /" "$file"
	    echo "version $version"; } >"$file.new"
	case $2 in
	3) rm -f "$file.new" "$file" ;;
	7) mv "$file.new" "$file.$version" ;;
	*) chmod --reference="$file" "$file.new"
		mv "$file.new" "$file" ;;
	esac
}

# What an upgrade does in a file system, package after package: files are
# replaced, a log grows, now and then the list of what is installed is written
# anew, all of it synced.
upgrade()
{
	local version=$1 package file last=0 count=0

	choose_packages "$version" >upgrade.list
	while read -r package file; do
		if [ "$package" -ne "$last" ]; then
			log_lines 20 "Jan  $version 00:00:00 package $last" \
			    >>image/var/log/syslog
			last=$package
		fi
		if [ $((count++ % 200)) -eq 0 ]; then
			sed "$((count % 997))s/\$/ $version/" \
			    image/var/status >image/var/status.new
			mv image/var/status.new image/var/status
			sync -f image
		fi
		upgrade_file "$file" $((count % 12)) "$version"
	done <upgrade.list
}

# "source", an XFS with the snapshots "before" and "after" of disk.img.
make_image()
{
	progress "$key: an image of $IMAGE_SIZE with files of this machine"
	make_fs xfs source 32G
	list_files "$FILL_MIB" >files.list
	truncate -s "$IMAGE_SIZE" source/disk.img
	prepare mkfs.ext4 -q source/disk.img
	mount_image source/disk.img
	{ tar -C / -c -T files.list 2>>log || true; } |
	    prepare tar -C image -x
	mkdir -p image/var/log
	head -n 20000 files.list >image/var/status
	log_lines 20000 "Jan  1 00:00:00 service: a line of the log" \
	    >image/var/log/syslog
	upgrade 2
	unmount_image source/disk.img
	prepare refsnap create source/disk.img before
	progress "$key: the upgrade"
	mount_image source/disk.img
	upgrade 3
	unmount_image source/disk.img
	prepare refsnap create source/disk.img after
	old=.snapshot/disk.img.before new=.snapshot/disk.img.after
	refdiff "source/$old" "source/$new" >changes.list || [ $? = 1 ]
	value image changed_bytes \
	    "$(awk '{ sum += $2 } END { print sum }' changes.list)"
	value image ranges "$(wc -l <changes.list)"
	value image data_bytes "$(du -B1 "source/$old" | cut -f 1)"
}

# The same change on "ours", a btrfs with the snapshots of refsnap, and on
# "peer", one with those of btrfs: byte for byte, in the same ranges.
make_btrfs_images()
{
	progress "$key: the same image on btrfs, twice"
	make_fs btrfs ours 32G
	prepare cp --sparse=always "source/$old" ours/disk.img
	prepare chmod 644 ours/disk.img
	prepare refsnap create ours/disk.img before
	prepare ranges copy "source/$new" ours/disk.img changes.list
	prepare refsnap create ours/disk.img after
	prepare cmp "source/$new" "ours/$new"
	make_fs btrfs peer 32G
	prepare btrfs subvolume create peer/vol
	prepare cp --sparse=always "source/$old" peer/vol/disk.img
	prepare chmod 644 peer/vol/disk.img
	sync -f peer
	prepare btrfs subvolume snapshot -r peer/vol peer/before
	prepare ranges copy "source/$new" peer/vol/disk.img changes.list
	sync -f peer
	prepare btrfs subvolume snapshot -r peer/vol peer/after
	prepare cmp "source/$new" peer/after/disk.img
}

# Is what was received what was sent?  Asked once of each.
check_received()
{
	local file

	case $checked in *" $1 "*) return ;; esac
	checked="$checked $1 "
	case $1 in
	refsend) file=$target/$new ;;
	rsync) file=$target/disk.img ;;
	btrfs) file=peer-target/after/disk.img ;;
	esac
	prepare cmp "source/$new" "$file"
}

fresh_xfs()
{
	fresh target
	if [ "$1" = rsync ]; then
		prepare cp --reflink=always "target/$old" target/disk.img
	fi
}

carry_to_xfs()
{
	key=ssh-xfs target=target checked=
	make_fs xfs target 32G
	prepare bash -o pipefail -c "refsend --compress=none source/$old | refrecv target"
	keep_template target
	before=fresh_xfs after=check_received
	in_turn "$runs" \
	    refsend "refsend -i source/$old source/$new | ssh -F ssh_config replica-host $build/refrecv $work/target && sync -f target" \
	    rsync "rsync --inplace --stats -e 'ssh -F ssh_config' source/$new replica-host:$work/target/disk.img >rsync.stats && sync -f target"
	drop target
	rm -f target.template
	key=wire-image
	value rsync bytes "$(tr -d , <rsync.stats | awk '
	    /^Total bytes (sent|received):/ { sum += $4 } END { print sum }')"
}

fresh_btrfs()
{
	drop ours-target peer-target
	case $1 in
	refsend) fresh ours-target ;;
	btrfs) fresh peer-target ;;
	esac
}

carry_to_btrfs()
{
	key=ssh-btrfs target=ours-target checked=
	make_fs btrfs ours-target 32G
	prepare bash -o pipefail -c "refsend --compress=none ours/$old | refrecv ours-target"
	keep_template ours-target
	make_fs btrfs peer-target 32G
	prepare bash -o pipefail -c \
	    "btrfs send peer/before | btrfs receive peer-target"
	keep_template peer-target
	before=fresh_btrfs after=check_received
	in_turn "$runs" \
	    refsend "refsend -i ours/$old ours/$new | ssh -F ssh_config replica-host $build/refrecv $work/ours-target && sync -f ours-target" \
	    btrfs "btrfs send -q -p peer/before peer/after | ssh -F ssh_config replica-host btrfs receive $work/peer-target && sync -f peer-target"
	drop ours-target peer-target
	rm -f ours-target.template peer-target.template
}

send_image()
{
	key=send-xfs
	in_turn "$runs" \
	    refsend "refsend -i source/$old source/$new >/dev/null" \
	    reference "ranges read source/$new changes.list | zstd -1 -q -c >/dev/null"
	key=full-image
	in_turn "$runs" \
	    refsend "refsend source/$old >/dev/null" \
	    zstd "zstd -1 -T2 -q -c source/$old >/dev/null"
}

# A file without holes: the same files, as an archive.
send_dense()
{
	key=full-dense
	list_files "$DENSE_MIB" >files.list
	{ tar -C / -c -T files.list 2>>log || true; } |
	    prepare dd of=source/dense bs=1M
	prepare refsnap create source/dense whole
	in_turn "$runs" \
	    refsend "refsend source/.snapshot/dense.whole >/dev/null" \
	    zstd "zstd -1 -T2 -q -c source/.snapshot/dense.whole >/dev/null"
	prepare refsnap delete source/.snapshot/dense.whole
	rm -f source/dense
}

measure_btrfs()
{
	key=send-btrfs
	have btrfs || { skip "no btrfs-progs"; return; }
	make_btrfs_images
	in_turn "$runs" \
	    refsend "refsend -i ours/$old ours/$new >/dev/null" \
	    btrfs "btrfs send -q -p peer/before peer/after | zstd -1 -q -c >/dev/null"
	key=wire-image
	bytes_of refsend "refsend -i ours/$old ours/$new"
	bytes_of btrfs "btrfs send -q -p peer/before peer/after | zstd -1 -q -c"
	within_one "ours/$old" "ours/$new" changes.list 1
	value base elsewhere_bytes \
	    "$(elsewhere.py "ours/$old" "ours/$new" changes.list)"
	carry_to_btrfs
}

workload_image()
{
	key=image
	[ "$quick" = no ] || image_is_quick
	need_room $((FILL_MIB * 6 + 2000)) || return 0
	make_image
	send_image
	send_dense
	if [ -e sshd.pid ]; then
		carry_to_xfs
	fi
	measure_btrfs
	drop_all
}
