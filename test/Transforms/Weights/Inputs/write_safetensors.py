"""write_safetensors.py FILE NAME=TYPE:SIZES:VALUES...: writes a safetensors file of small tensors."""

import json
import struct
import sys

FORMATS = {"f32": ("F32", "f"), "i64": ("I64", "q")}

index, data = {}, b""
for argument in sys.argv[2:]:
    name, text = argument.split("=")
    element, sizes, values = text.split(":")
    name_in_file, code = FORMATS[element]
    raw = b"".join(struct.pack("<" + code, float(v) if code == "f" else int(v)) for v in values.split(","))
    index[name] = {
        "dtype": name_in_file,
        "shape": [int(size) for size in sizes.split(",")],
        "data_offsets": [len(data), len(data) + len(raw)],
    }
    data += raw
header = json.dumps(index).encode()
with open(sys.argv[1], "wb") as file:
    file.write(struct.pack("<Q", len(header)) + header + data)
