# SPDX-License-Identifier: Apache-2.0
"""What the machines of tests/vm have in common: Debian's stock kernel, its modules, a first file system of a few files."""
import glob
import lzma
import os
import re
import shutil
import struct
import subprocess
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.dirname(os.path.dirname(HERE))
ACCEL = os.environ.get("CW_VM_ACCEL", "tcg,thread=multi")  # "kvm" is faster where it works


def run(*argv, **kwargs):
    done = subprocess.run(argv, check=False, **kwargs)
    if done.returncode:
        sys.exit(f"tests/vm: {argv[0]} failed: {' '.join(argv)}")
    return done


def lines(name):
    with open(os.path.join(HERE, name)) as f:
        return f.read().split()


def need(*programs):
    path = os.environ["PATH"] + ":/usr/sbin:/sbin"
    missing = [p for p in programs if not shutil.which(p, path=path)]
    if missing:
        sys.exit(f"tests/vm: missing {', '.join(missing)}; apt-get install {' '.join(lines('packages.txt'))}")


class Debian:
    """Packages that are unpacked below a folder and installed nowhere."""

    def __init__(self, folder):
        self.folder = os.path.abspath(folder)
        os.makedirs(self.folder, exist_ok=True)
        self.kernel = self.at("kernel")

    def at(self, *names):
        return os.path.join(self.folder, *names)

    def unpack(self, package, target):
        if not glob.glob(self.at(package + "_*.deb")):
            run("apt-get", "download", package, cwd=self.folder, stdout=subprocess.DEVNULL)
        run("dpkg", "-x", glob.glob(self.at(package + "_*.deb"))[-1], target)

    def make_kernel(self):
        """The stock kernel; its compressed image."""
        if not glob.glob(self.at("kernel/boot/vmlinuz-*")):
            told = run("apt-cache", "depends", "--important", "linux-image-amd64", capture_output=True, text=True).stdout
            self.unpack(re.search(r"Depends: (linux-image-\S+-amd64)", told).group(1), self.kernel)
        image = glob.glob(self.at("kernel/boot/vmlinuz-*"))[0]
        self.version = os.path.basename(image).split("-", 1)[1]
        if not os.path.exists(self.at("kernel/lib/modules", self.version, "modules.dep.bin")):
            run("depmod", "-b", self.kernel, self.version)
        return image

    def make_elf(self):
        """The same kernel without its decompressor, which takes QEMU ten seconds: QEMU enters the ELF image by its PVH note.
        Documentation/x86/boot.rst: payload_offset and payload_length count from the end of the setup sectors."""
        image, elf = self.make_kernel(), self.at("vmlinux-" + self.version)
        if not os.path.exists(elf):
            with open(image, "rb") as f:
                data = f.read()
            offset, length = struct.unpack_from("<II", data, 0x248)
            start = (data[0x1F1] + 1) * 512 + offset
            with open(elf + ".new", "wb") as out:
                out.write(lzma.LZMADecompressor(lzma.FORMAT_XZ).decompress(data[start:start + length]))
            os.rename(elf + ".new", elf)
        return elf

    def modules(self, names):
        """Files of these modules and what they need, in loading order."""
        found = []
        for name in names:
            told = run("modprobe", "-d", self.kernel, "-S", self.version, "--show-depends", name, capture_output=True, text=True)
            found += [w[1] for w in (line.split() for line in told.stdout.splitlines()) if w[0] == "insmod" and w[1] not in found]
        return found

    def first_files(self, tree, modules, init):
        """busybox, the modules in /m with their order, and an init."""
        shutil.rmtree(tree, ignore_errors=True)
        for name in ("bin", "m", "proc", "sys", "dev", "new"):
            os.makedirs(os.path.join(tree, name))
        shutil.copy("/bin/busybox", os.path.join(tree, "bin/busybox"))
        os.symlink("busybox", os.path.join(tree, "bin/sh"))
        with open(os.path.join(tree, "m/order"), "w") as order:
            for path in self.modules(modules):
                shutil.copy(path, os.path.join(tree, "m"))
                order.write(os.path.basename(path) + "\n")
        with open(os.path.join(tree, "init"), "w") as out:
            out.write(init)
        os.chmod(os.path.join(tree, "init"), 0o755)

    @staticmethod
    def pack(tree, image, through=""):
        run("sh", "-c", f"cd {tree} && find . | cpio -o -H newc --quiet {through} > {image}")
