# SPDX-License-Identifier: BSD-2-Clause
"""guesttool.py - a stand-in for a QEMU guest and the agent in it.

Usage: guesttool.py SOCKET IMAGE LOG MODE

Serves one connection at a time, as QEMU does.  What runs in the guest is two
words at the start of IMAGE: "frozen" while its file systems are, else "moving".
LOG gets a line for each command.  MODE is a file with how it behaves:

    good        as it should
    stale       answers of earlier talks come first
    slow N      a freeze takes N seconds
    silent      nothing is answered
    error       freezing fails
    none        there is nothing to be frozen
    stuck       thawing does nothing
    ends        ends the connection when asked to freeze
"""
import json
import socket
import sys
import time

path, image, log, mode_file = sys.argv[1:]
frozen = False


def mode():
    with open(mode_file) as f:
        return f.read().split()


def write_state():
    with open(image, 'r+b') as f:
        f.write(b'frozen' if frozen else b'moving')


def do(command, arguments):
    """The value to return, or an exception."""
    global frozen
    how = mode()
    if command == 'guest-fsfreeze-status':
        return 'frozen' if frozen else 'thawed'
    if command == 'guest-fsfreeze-freeze':
        if how[0] == 'slow':
            time.sleep(float(how[1]))
        if how[0] == 'error':
            raise ValueError('cannot freeze /mnt')
        if how[0] == 'none':
            return 0
        frozen = True
        write_state()
        return 2
    if command == 'guest-fsfreeze-thaw':
        if how[0] != 'stuck':
            frozen = False
            write_state()
        return 2
    raise ValueError('unknown command ' + command)


def answer(line):
    message = json.loads(line)
    command = message['execute']
    with open(log, 'a') as f:
        f.write(command + '\n')
    if command == 'guest-sync-delimited':
        return b'\xff' + json.dumps(
            {'return': message['arguments']['id']}).encode() + b'\n'
    try:
        result = {'return': do(command, message.get('arguments'))}
    except ValueError as error:
        result = {'error': {'class': 'GenericError', 'desc': str(error)}}
    return json.dumps(result).encode() + b'\n'


def say(connection, text):
    """Nobody need be there to hear it."""
    try:
        connection.sendall(text)
    except OSError:
        pass


def serve(connection):
    data = b''
    if mode()[0] == 'stale':
        say(connection, b'{"return": 1}\n{"ret\xff{"return": 7}\n'
                        b'{"return": "frozen"}\n')
    while True:
        more = connection.recv(4096)
        if not more:
            return
        # What came before this byte is forgotten.
        data = (data + more).split(b'\xff')[-1]
        while b'\n' in data:
            line, data = data.split(b'\n', 1)
            if mode()[0] == 'ends' and b'fsfreeze-freeze' in line:
                return
            reply = answer(line)
            if mode()[0] != 'silent':
                say(connection, reply)


listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen(5)
write_state()
while True:
    connection, _ = listener.accept()
    serve(connection)
    connection.close()
