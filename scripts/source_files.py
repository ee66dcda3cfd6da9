"""Which files the checks look at."""

import os
import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent


def _git(*arguments):
    """Lines of git's answer, or None where there is no git or no repository."""
    try:
        answer = subprocess.run(["git", "-C", str(ROOT), *arguments], capture_output=True,
                                text=True, check=True)
    except (OSError, subprocess.CalledProcessError):
        return None
    return answer.stdout.splitlines()


def _walk():
    names = []
    for folder, folders, files in os.walk(ROOT):
        folders[:] = [name for name in folders
                      if name not in (".git", "__pycache__") and not name.startswith("build")]
        names += [os.path.relpath(os.path.join(folder, name), ROOT) for name in files]
    return names


def all_files():
    """Every file of the project, as paths relative to its root."""
    names = _git("ls-files", "--cached", "--others", "--exclude-standard")
    return existing(_walk() if names is None else names)


def changed_files():
    """What the last commit and the working tree changed: right after an edit and in
    `git rebase -x scripts/check` alike."""
    since = "HEAD~1" if _git("rev-parse", "-q", "--verify", "HEAD~1") else "HEAD"
    changed = _git("diff", "--name-only", since)
    new = _git("ls-files", "--others", "--exclude-standard")
    return all_files() if changed is None or new is None else existing(changed + new)


def existing(names):
    return sorted({name for name in names if (ROOT / name).is_file()})


def is_cpp(name):
    return name.endswith((".h", ".cc"))
