"""Prints where a pyarrow wheel keeps Arrow C++: the headers, then the libraries' folder and their names. Used by meson where
pkg-config knows no arrow and parquet."""
import glob
import os
import sys

try:
    import pyarrow
except ImportError:
    sys.exit("no pyarrow")

folder = pyarrow.get_library_dirs()[0]


def library(name):
    found = sorted(glob.glob(os.path.join(folder, f"lib{name}.so.*"))) or sorted(glob.glob(os.path.join(folder, f"lib{name}.*.dylib")))
    return found[0] if found else sys.exit(f"no lib{name} in {folder}")


print(pyarrow.get_include())
print(folder)
print(library("arrow"))
print(library("parquet"))
