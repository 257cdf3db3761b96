# SPDX-License-Identifier: BSD-2-Clause
"""faultkeep.py - the commands that faulttool.py lets fail, and that look after
snapshots: prune and verify.  See faultcases.py."""
import os

from faultcases import Case, remove, run

SEAL = "user.refsend.seal"


class Prune(Case):
    """Three of four go; after a failure the others do."""
    order = (".snapshot/file.one", ".snapshot/file.two",
             ".snapshot/file.three")
    ordered = False

    def prepare(self):
        self.live()
        for name in ("two", "three", "four"):
            self.create(name)

    def argv(self):
        return ["refsnap", "prune", "--keep", "1", self.at("file")]

    def undo(self):
        for name in ("one", "two", "three", "four"):
            remove(self.kept(name))
        # Without any, the count of the lineage begins anew.
        for name in ("one", "two", "three", "four"):
            self.create(name)


class PruneHeld(Prune):
    """Not even if nobody can tell that it is held."""
    order = (".snapshot/file.one", ".snapshot/file.three")

    def prepare(self):
        super().prepare()
        run("refsnap", "hold", self.kept("two"), "tag")

    def undo(self):
        assert os.path.exists(self.kept("two")), "a held snapshot is gone"
        run("refsnap", "release", self.kept("two"), "tag")
        super().undo()
        run("refsnap", "hold", self.kept("two"), "tag")


class Verify(Case):
    order = ()

    def prepare(self):
        self.live()
        run("refsnap", "verify", "--record", self.kept("one"))

    def argv(self):
        return ["refsnap", "verify", self.kept("one")]


class VerifyRecord(Case):
    order = (".snapshot/file.one",)

    def prepare(self):
        self.live()
        self.seal = os.getxattr(self.kept("one"), SEAL)

    def argv(self):
        return ["refsnap", "verify", "--record", self.kept("one")]

    def undo(self):
        os.setxattr(self.kept("one"), SEAL, self.seal)


CASES = {
    "prune": Prune, "prune-held": PruneHeld, "verify": Verify,
    "verify-record": VerifyRecord,
}
