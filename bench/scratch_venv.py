"""The virtual environment that the scripts comparing with others run in."""
import os
import pathlib
import subprocess
import sys

PACKAGES = ["torch", "torchvision", "numpy", "safetensors", "pillow"]


def enter(directory, more=(), packages=PACKAGES):
    """Runs this script again in the virtual environment, made if need be."""
    python = pathlib.Path(directory) / "bin" / "python"
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", directory], check=True)
        subprocess.run([python, "-m", "pip", "install", *packages, *more], check=True)
    if pathlib.Path(sys.prefix).resolve() != pathlib.Path(directory).resolve():
        os.execv(python, [str(python), *sys.argv])
