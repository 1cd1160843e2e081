# SPDX-License-Identifier: GPL-3.0-or-later
"""What scripts that make a model file from another share. Needs the Python package gguf."""
from gguf import GGUFValueType


def copy_fields(reader, writer, changed=None, wanted=lambda name: True):
    """The metadata that `wanted` wants; `changed`: values by name, in place of the file's."""
    for name, field in reader.fields.items():
        if name.startswith("GGUF.") or name == "general.architecture" or not wanted(name):
            continue
        kind, element = field.types[0], field.types[-1] if len(field.types) > 1 else None
        value = (changed or {}).get(name)
        value = field.contents() if value is None else value
        writer.add_key_value(name, value, kind, sub_type=element if kind == GGUFValueType.ARRAY else None)


def write(writer):
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
