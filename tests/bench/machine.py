"""What the machine is, for tables of times: its processor, caches and memory, but nothing that names it."""
import glob
import os


def first_line(path):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.readline().strip()
    except OSError:
        return ""


def fields(path):
    """Lines "name : value" of a file of the system; the first of each name."""
    found = {}
    with open(path, encoding="ascii", errors="replace") as file:
        for line in file:
            name, _, value = line.partition(":")
            found.setdefault(name.strip(), value.strip())
    return found


def caches():
    """{"L1d": bytes, "L2": …}: those of one core; of L3 what all cores share."""
    found = {}
    for folder in glob.glob("/sys/devices/system/cpu/cpu0/cache/index*"):
        level, kind, size = (first_line(f"{folder}/{name}") for name in ("level", "type", "size"))
        if kind != "Instruction" and size.endswith("K"):
            found["L" + level + ("d" if kind == "Data" else "")] = int(size[:-1]) * 1024
    return dict(sorted(found.items()))


def instruction_set(flags):
    if {"avx512f", "avx512bw", "avx512vl"} <= flags:
        return "avx512"
    return "avx2" if "avx2" in flags else "plain"


def describe():
    cpu = fields("/proc/cpuinfo")
    processor = cpu.get("model name", "unknown")
    if "cpu family" in cpu:
        processor += f" (family {cpu['cpu family']}, model {cpu.get('model', '?')})"
    return {"processor": processor, "cores": os.cpu_count(), "caches": caches(),
            "instruction_set": instruction_set(set(cpu.get("flags", "").split())),
            "memory_bytes": int(fields("/proc/meminfo")["MemTotal"].split()[0]) * 1024}


def spelled(machine):
    sizes = ", ".join(f"{name} {size >> 10:,} KiB" for name, size in machine["caches"].items())
    text = f"{machine['processor']}, {machine['cores']} cores, {machine['instruction_set']}, {sizes}, " \
        f"{machine['memory_bytes'] / 2**30:.0f} GiB of memory"
    if "read_bandwidth" in machine:
        text += f", read at {machine['read_bandwidth'] / 1e9:.1f} GB/s by {machine['threads']} threads"
    return text
