/** A stand-in for LynSDK (pylynchipsdk), with device memory, and the order of its calls written to calls.json. */

/**
 * A chip with memory. Its program adds up the numbers of each sample of a frame over the calls since the last reset (states on the chip) or in
 * the accumulator that the host hands over, and gives the sum in every feature; other states go up by one.
 */
export const SDK = `
import json
import numpy
calls = []
manifest = json.load(open("manifest.json"))
kind = numpy.dtype(manifest["io_type"])
on_chip = "module" in manifest
count = lambda entries: sum(int(numpy.prod(e["shape"])) for e in entries)
inputs = manifest["inputs"][:1] if on_chip else manifest["inputs"]
outputs = manifest["outputs"][:1] if on_chip else manifest["outputs"]
class lyn_memcpy_dir_t:
    ClientToServer = "to the chip"
    ServerToClient = "to the host"
class lyn_data_type_t:
    DT_FLOAT16 = numpy.float16
    DT_FLOAT = numpy.float32
class Address:
    def __init__(self, memory, offset=0):
        self.memory, self.offset = memory, offset
class Attribute:
    batchSize = 1
class Description:
    inputDataLen = count(inputs) * kind.itemsize
    outputDataLen = count(outputs) * kind.itemsize
    inputTensorAttrArray = [Attribute]
    outputTensorAttrArray = [Attribute]
chip = {"sum": 0}
def note(name, *facts):
    calls.append([name] + list(facts))
    return 0
def lyn_create_context(device):
    note("lyn_create_context", device)
    return "the context", 0
def lyn_set_current_context(context):
    return note("lyn_set_current_context", context)
def lyn_register_error_handler(handler):
    return note("lyn_register_error_handler")
def lyn_create_stream():
    note("lyn_create_stream")
    return "the stream", 0
def lyn_load_model(path):
    note("lyn_load_model", path)
    return "the model", 0
def lyn_model_get_desc(model):
    note("lyn_model_get_desc")
    return Description, 0
def lyn_malloc(size):
    note("lyn_malloc", size)
    return Address(numpy.zeros(size, numpy.uint8)), 0
def lyn_numpy_to_ptr(array):
    assert array.flags["C_CONTIGUOUS"]
    return Address(array.reshape(-1).view(numpy.uint8))
def lyn_memcpy_async(stream, target, source, size, direction):
    target.memory[target.offset:target.offset + size] = source.memory[source.offset:source.offset + size]
    return note("lyn_memcpy_async", size, direction)
def lyn_model_reset_async(stream, model):
    chip["sum"] = 0
    return note("lyn_model_reset_async")
def lyn_addr_seek(address, size):
    note("lyn_addr_seek", size)
    return Address(address.memory, address.offset + size)
def numbers(address, size):
    return address.memory[address.offset:address.offset + size].view(kind)
def lyn_execute_model_async(stream, model, source, target, batch):
    note("lyn_execute_model_async", batch)
    given = numbers(source, Description.inputDataLen)
    parts = numpy.split(given, numpy.cumsum([int(numpy.prod(e["shape"])) for e in inputs])[:-1])
    values = {e["name"]: part.reshape(e["shape"]) for e, part in zip(inputs, parts)}
    rows = values["x"].reshape(len(values["x"]), -1).sum(1, keepdims=True)
    if on_chip:
        chip["sum"] = chip["sum"] + rows
        result = [numpy.broadcast_to(chip["sum"], outputs[0]["shape"])]
    else:
        sums = values["acc"] + rows.reshape([len(rows)] + [1] * (values["acc"].ndim - 1))
        result = [sums.reshape(outputs[0]["shape"])]
        result += [sums if e["name"] == "acc_out" else values[e["name"][:-4]] + 1 for e in outputs[1:]]
        chip["states"] = {e["name"]: float(part.max()) for e, part in zip(outputs, result)}
        chip["steps"] = chip.get("steps", []) + [chip["states"]]
    numbers(target, Description.outputDataLen)[:] = numpy.concatenate([part.ravel() for part in result])
    return 0
def lyn_synchronize_stream(stream):
    return note("lyn_synchronize_stream")
def lyn_ptr_to_numpy(pointer, shape, dtype):
    note("lyn_ptr_to_numpy", list(shape))
    return pointer.memory.view(dtype).reshape(shape)
def lyn_free(address):
    return note("lyn_free")
def lyn_unload_model(model):
    return note("lyn_unload_model")
def lyn_destroy_stream(stream):
    return note("lyn_destroy_stream")
def lyn_destroy_context(context):
    json.dump({"calls": calls + [["lyn_destroy_context"]], "steps": chip.get("steps", [])}, open("calls.json", "w"))
    return 0
`;
