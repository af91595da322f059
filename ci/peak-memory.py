#!/usr/bin/python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""Run a command; print the peak memory in KiB of it and all its children together on the last line of
standard error: proportional set size, plus memory files (memfd) that nobody has mapped."""
import os
import subprocess
import sys
import time


def tree(root):
    """The process and everything below it."""
    children = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                with open(f"/proc/{entry}/stat") as f:
                    parent = int(f.read().rsplit(")", 1)[1].split()[1])
            except OSError:
                continue
            children.setdefault(parent, []).append(int(entry))
    todo, found = [root], []
    while todo:
        pid = todo.pop()
        found.append(pid)
        todo += children.get(pid, [])
    return found


def memory(pids):
    """KiB in use by the processes; a memory file counts once, mapped or not."""
    total, files = 0, {}
    for pid in pids:
        try:
            with open(f"/proc/{pid}/smaps_rollup") as f:
                fields = dict(line.split(":", 1) for line in f.read().splitlines()[1:])
            # anonymous memory only: files in the page cache can be dropped, memory files come below
            total += int(fields["Pss_Anon"].split()[0])
            for fd in os.listdir(f"/proc/{pid}/fd"):
                path = f"/proc/{pid}/fd/{fd}"
                if os.readlink(path).startswith("/memfd:"):
                    st = os.stat(path)
                    files[(st.st_dev, st.st_ino)] = st.st_blocks // 2
        except (OSError, KeyError, ValueError):
            continue
    return total + sum(files.values())


def main():
    child = subprocess.Popen(sys.argv[1:])
    peak = 0
    while child.poll() is None:
        peak = max(peak, memory(tree(child.pid)))
        time.sleep(0.01)
    print(peak, file=sys.stderr)
    return child.returncode


sys.exit(main())
