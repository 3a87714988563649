"""The build by setuptools, in place of CMakeLists.txt."""

from plait.utils.cpp_extension import BuildExtension, CppExtension
from setuptools import setup

setup(
    packages=["my_ops"],
    ext_modules=[CppExtension("my_ops._ops", ["src/ops.cpp"], namespace="my_ops")],
    cmdclass={"build_ext": BuildExtension},
)
