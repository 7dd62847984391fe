"""Build the fake card: a library that is preloaded under torch in place of CUDA's runtime, driver and libraries."""

import hashlib
import importlib.util
import re
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import version
from pathlib import Path

from filelock import FileLock

FOLDER = Path(__file__).resolve().parents[3] / "build" / "fake-card"
"""Where it is kept, and what is compiled on it."""
SOURCE = Path(__file__).parent / "source"
ASKING = ("torch_cuda", "c10_cuda", "torch_cuda_linalg", "torch_python", "caffe2_nvrtc")
"""torch's libraries that call CUDA."""
REPLACED = re.compile(r"(__cuda|cuda|cublas|cudnn|cusolver|cu[A-Z])\w*")
"""What they call of it. The compiler NVRTC and what they use of other libraries stays as it is."""
LIBRARY = "libcuda.so.1"
"""The driver's name, under which Triton looks for it; the same file stands for all others."""


def missing() -> str | None:
    """Why the card cannot be built here, in words; None where it can."""
    if shutil.which("g++") is None:
        return "no g++"
    if importlib.util.find_spec("triton") is None:
        return "no Triton"
    if not (folder_of("torch") / "lib" / "libtorch_cuda.so").exists():
        return "a torch without CUDA"
    return None


def built() -> Path:
    """The library, built where it is not there yet for this source and the torch that is installed here.

    Raises CalledProcessError.
    """
    digest = hashlib.sha256()
    for path in [Path(__file__), *sorted(SOURCE.iterdir())]:
        digest.update(path.read_bytes())
    folder = FOLDER / f"torch-{version('torch')}-{digest.hexdigest()[:12]}"
    folder.mkdir(parents=True, exist_ok=True)
    library = folder / LIBRARY
    with FileLock(folder / "lock"):
        if not library.exists():
            build(library)
    return library


def build(library: Path) -> None:
    """Build it in the folder of `library`."""
    folder = library.parent
    sources = sorted(SOURCE.glob("*.cpp"))
    objects = [folder / f"{source.stem}.o" for source in sources]
    flags = (
        "-std=c++17",
        "-O1",
        "-fPIC",
        "-Wall",
        "-Wno-unused-function",
        *(f"-isystem{headers}" for headers in includes()),
    )

    def compile_one(source: Path, made: Path) -> None:
        subprocess.run(["g++", *flags, "-c", source, "-o", made], check=True)

    with ThreadPoolExecutor() as pool:
        list(pool.map(compile_one, sources, objects))
    rest = folder / "rest.cpp"
    rest.write_text(others(wanted() - symbols("--defined-only", *objects)), encoding="utf-8")
    compile_one(rest, folder / "rest.o")
    shared = ("-shared", f"-Wl,-soname,{LIBRARY}", "-ldl")
    link = folder / "libcuda.so"  # by which older versions of Triton link
    link.unlink(missing_ok=True)
    link.symlink_to(LIBRARY)
    subprocess.run(["g++", *objects, folder / "rest.o", *shared, "-o", folder / "new"], check=True)
    (folder / "new").rename(library)


def includes() -> list[Path]:
    """Where CUDA's headers are: those that were installed with torch, and the compiler's that Triton brings."""
    beside_torch = sorted((folder_of("torch").parent / "nvidia").glob("cu*/include"))
    return [*beside_torch, folder_of("triton") / "backends" / "nvidia" / "include"]


def wanted() -> set[str]:
    """Every function of CUDA that torch calls."""
    libraries = (folder_of("torch") / "lib" / f"lib{name}.so" for name in ASKING)
    asked = symbols("-D", "--undefined-only", *(path for path in libraries if path.exists()))
    return {name for name in asked if REPLACED.fullmatch(name)}


def others(names: set[str]) -> str:
    """The source of functions that do nothing but to note that they were called."""
    head = 'extern "C" {\nlong fake_card_other(const char*);\n'
    return head + "".join(f'long {name}() {{ return fake_card_other("{name}"); }}\n' for name in sorted(names)) + "}\n"


def symbols(*arguments: str | Path) -> set[str]:
    """Names that nm lists, without their versions."""
    said = subprocess.run(["nm", "-P", *arguments], check=True, capture_output=True, text=True).stdout
    return {line.split()[0].split("@")[0] for line in said.splitlines() if " " in line}


def folder_of(package: str) -> Path:
    """Where a package lies, without importing it."""
    found = importlib.util.find_spec(package)
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent
