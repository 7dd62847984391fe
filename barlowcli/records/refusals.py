"""Why the system refuses a file, and the way out: a hint for each reason that it gives."""

import errno
import os
from pathlib import Path

ELSEWHERE = "choose another folder with --results"
DELETED, CHANGE = "the folder that this command was started in was deleted", "change to another one"
FULL = (errno.ENOSPC, errno.EDQUOT)
FORBIDDEN = (errno.EACCES, errno.EPERM)
OUT_OF_REACH = (errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT, errno.EHOSTDOWN, errno.EHOSTUNREACH, errno.ECONNRESET)
BROKEN = (errno.EIO, errno.ENXIO, errno.ENODEV, getattr(errno, "EUCLEAN", errno.EIO))


def way_out(path: Path, error: OSError, elsewhere: str = ELSEWHERE) -> str:
    """What to do where `path` cannot be written. elsewhere: how another place is named."""
    code = error.errno
    if code in FULL:
        return f"{_room(path, error)} or {elsewhere}; what was finished is kept"
    if code in FORBIDDEN:
        return f"{forbidden(path)}; {elsewhere}, or have this one opened to you"
    if code == errno.EROFS:
        return f"its file system is mounted read-only: {elsewhere}"
    if code == errno.ENAMETOOLONG:
        return f"a shorter name: {elsewhere}"
    if code == errno.ELOOP:
        return f"its links lead in a circle: remove one of them, or {elsewhere}"
    if code in (errno.EISDIR, errno.ENOTDIR, errno.EEXIST, errno.ENOENT, errno.ENOTEMPTY):
        return f"{in_the_way(path)}, or {elsewhere}"
    return of_the_machine(error) or f"check the path and who may write there, or {elsewhere}"


def way_in(path: Path, error: OSError) -> str:
    """What to do where `path` cannot be read."""
    if error.errno in FORBIDDEN:
        return f"{forbidden(path, 'read')}; have it opened to you"
    if error.errno == errno.EISDIR:
        return f"{path} is a folder: move it away"
    if error.errno == errno.ENAMETOOLONG:
        return "a shorter name"
    if error.errno == errno.ELOOP:
        return "its links lead in a circle: name the folder itself"
    return of_the_machine(error) or "check the path and who may read there"


def of_the_machine(error: OSError) -> str:
    """What to do about a reason that is no fault of the path's; "" where it is one."""
    if error.errno == errno.ENOSPC:
        return "free some disk space; what was finished is kept"
    if error.errno == errno.EDQUOT:
        return "delete files of yours, your quota is used up; what was finished is kept"
    if error.errno == errno.EMFILE:
        return "this process may open no more files: `ulimit -n 4096` before the command, or fewer --workers"
    if error.errno == errno.ENFILE:
        return "this machine has too many files open: end other programs"
    if error.errno == errno.EFBIG:
        return "a file may not be so large here: `ulimit -f unlimited` before the command"
    if error.errno in OUT_OF_REACH:
        return "the network file system does not answer; once it does, the same command goes on from what was finished"
    if error.errno in BROKEN:
        return "the disk itself reports a fault (`dmesg` may say more): use another one; what was finished is kept"
    if error.errno in (errno.ENOMEM, errno.EAGAIN):
        return "the system has no more memory or processes to give: fewer --workers, or end other programs"
    return ""


def forbidden(path: Path, what: str = "written") -> str:
    """Whose it is that may not be read or written: "results belongs to anna, and this is user 54321"."""
    place = nearest(path if what == "read" else path.parent)
    try:
        owner, me = name_of(place.stat().st_uid), name_of(os.geteuid())
    except OSError:
        return f"{place} may not be {what}"
    if owner == me:
        return f"{place} is yours and may not be {what} (chmod changes that)"
    return f"{place} belongs to {owner}, and this is {me}"


def name_of(number: int) -> str:
    """A user's name; "user 54321" where the system knows none."""
    import pwd

    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def nearest(path: Path) -> Path:
    """The path itself or the nearest folder above it that is there."""
    for place in (path, *path.parents):
        if os.path.lexists(place):
            return place
    return path


def in_the_way(path: Path) -> str:
    """What is where a file or a folder is to be made: "results is a file: move it away"."""
    try:
        os.getcwd()
    except FileNotFoundError:
        return f"{DELETED}: {CHANGE}"
    for place in (*reversed(path.parents), path):
        if place.is_symlink() and not place.exists():
            return f"{place} is a link to nothing: remove it"
        if place.is_file() and place != path:
            return f"{place} is a file, and a folder is needed there: move it away"
    if path.is_dir():
        return f"{path} is a folder, and a file is needed there: move it away"
    return f"nothing can be made in {nearest(path)}: choose another place, or start again if it changed meanwhile"


def _room(path: Path, error: OSError) -> str:
    if error.errno == errno.EDQUOT:
        return "your quota on that disk is used up: delete files of yours,"
    place = nearest(path)
    try:
        found = os.statvfs(place)
    except (OSError, AttributeError):
        return "free some disk space"
    if found.f_files and not found.f_favail and found.f_bavail:
        return "that disk has room left, but for no more files (inodes): delete some,"
    return "free some disk space"
