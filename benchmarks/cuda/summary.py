"""Prints what `run.sh` measured as one table: ours, the share of this machine's ceilings, and SpikingJelly's best back end in the same run.

Standard library only. Where a part was not measured, its columns are empty.

    python3 summary.py RESULT.json
"""
import json
import sys

KINDS = {"IFNode": "if", "LIFNode": "lif"}
# the aims of the work, on an H200
LEAST_SHARE = 0.85
LEAST_RATIO = {"csnn-c128-t4-b128": 2, "csnn-c128-t4-b16": 4, "lava-c16-t32-b128": 10}
LEAST_IMAGES = {"loihi-sim-c16-t32": 20_000}


def median(values):
    ordered = sorted(values)
    middle = len(ordered) // 2
    return ordered[middle] if len(ordered) % 2 else (ordered[middle - 1] + ordered[middle]) / 2


def kernel_cases(kernels):
    """
    Milliseconds of forward and backward together, and the smaller share of the copy, by case; backward computes potentials again. What
    storing them costs stands in the JSON.
    """
    found = {}
    for entry in kernels["neurons"]:
        node, what = entry["case"].split(" ", 1)
        if what not in ("forward", "backward"):
            continue
        name = f"{KINDS[node]}-t{entry['steps']}-{entry['type']}"
        milliseconds, share = found.get(name, (0.0, float("inf")))
        found[name] = (milliseconds + 1000 * entry["seconds"], min(share, entry["shareOfCopy"]))
    return found


def best_peer(peer, name):
    """
    Back end and milliseconds of the fastest one; None where none ran. Autocast stores activations in 16 bits, so that it is the peer of both
    our ways with bfloat16.
    """
    name = name.replace("-bfloat16-stored/", "-bfloat16/")
    found = [(median(times), key.split("@")[1]) for key, times in peer["cases"].items() if key.split("@")[0] == name]
    return min(found, default=None)


def aim_of(name, share, ratio, images):
    for beginning, least in LEAST_RATIO.items():
        if name.startswith(f"{beginning}-"):
            return ratio and (f"{least}x", ratio >= least)
    if name in LEAST_IMAGES:
        return images and (f"{LEAST_IMAGES[name]} images/s", images >= LEAST_IMAGES[name])
    if share is not None:
        return (f"{LEAST_SHARE:.0%} of the copy, faster", share >= LEAST_SHARE and (ratio is None or ratio > 1))
    return None


def row(result, name, ours, alone, share, images):
    """`alone`: the time is of the kernels alone, without the layer around them."""
    theirs = best_peer(result["peer"], name) if result["peer"] else None
    ratio = theirs and theirs[0] / ours
    aim = aim_of(name, share, ratio, images) if result["kind"] == "cuda" else None
    return [
        name,
        f"{ours:.3f}{'*' if alone else ''}",
        "" if share is None else f"{share:.0%}",
        "" if images is None else f"{images:.0f}",
        "" if theirs is None else f"{theirs[0]:.3f} {theirs[1]}",
        "" if ratio is None else f"{ratio:.2f}",
        "" if not aim else f"{'reached' if aim[1] else 'MISSED'} ({aim[0]})",
    ]


def rows(result):
    kernels = kernel_cases(result["kernels"])
    networks = {entry["name"]: entry for entry in (result["networks"] or {"cases": []})["cases"]}
    for name, (milliseconds, share) in kernels.items():
        whole = networks.get(name, {}).get("milliseconds")
        yield row(result, name, whole or milliseconds, whole is None, share, None)
    for name, entry in networks.items():
        if name in kernels:
            continue
        if "reason" in entry:
            yield [name, "not measured", "", "", "", "", entry["reason"][:60]]
        else:
            yield row(result, name, entry["milliseconds"], False, None, entry["imagesPerSecond"])


def main():
    with open(sys.argv[1], encoding="utf8") as file:
        result = json.load(file)
    kernels = result["kernels"]
    if result["kind"] != "cuda":
        print("A trial on the emulated device: these figures mean nothing.")
    print(f"{kernels['device']}, driver {kernels['driver']}, {result['date']}: copy {kernels['copyBytesPerSecond'] / 1e9:.0f} GB/s,"
          f" bfloat16 product {kernels['bfloat16FlopsPerSecond'] / 1e12:.1f} TFLOP/s;"
          f" checks: {result['checks']['passed']} passed, {result['checks']['failed']} failed")
    head = ["case (forward and backward)", "ms", "of copy", "images/s", "SpikingJelly, ms", "ratio", "aim"]
    table = [head, *rows(result)]
    widths = [max(len(line[i]) for line in table) for i in range(len(head))]
    for line in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths)).rstrip())
    if any(line[1].endswith("*") for line in table):
        print("* the kernels alone, without the layer around them")


if __name__ == "__main__":
    main()
