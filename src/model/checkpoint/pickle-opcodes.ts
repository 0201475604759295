/** The opcodes of pickles that `torch.save` writes (protocols 2 to 4) and what each does to the reader. All others are refused. */
import type { PickleReader } from "./pickle.ts";

export const STOP = 0x2e;

export const OPERATIONS: Record<number, (reader: PickleReader) => void> = {
  128: (r) => void r.unsigned(1), // PROTO
  149: (r) => void r.take(8), // FRAME
  40: (r) => r.mark(), // (
  48: (r) => void r.pop(), // 0
  78: (r) => r.push(null), // N
  136: (r) => r.push(true), // NEWTRUE
  137: (r) => r.push(false), // NEWFALSE
  75: (r) => r.push(r.unsigned(1)), // K BININT1
  77: (r) => r.push(r.unsigned(2)), // M BININT2
  74: (r) => r.push(r.unsigned(4) | 0), // J BININT
  138: (r) => r.push(r.integer(r.unsigned(1))), // LONG1
  71: (r) => r.push(r.float()), // G BINFLOAT
  88: (r) => r.push(r.text(r.unsigned(4))), // X BINUNICODE
  140: (r) => r.push(r.text(r.unsigned(1))), // SHORT_BINUNICODE
  84: (r) => r.push(r.text(r.unsigned(4))), // T BINSTRING, as Python 2 wrote names
  85: (r) => r.push(r.text(r.unsigned(1))), // U SHORT_BINSTRING
  125: (r) => r.push(new Map()), // } EMPTY_DICT
  100: (r) => {
    // d DICT
    const items = r.popToMark();
    r.push(new Map());
    r.setItems(items);
  },
  115: (r) => {
    // s SETITEM
    const [value, key] = [r.pop(), r.pop()];
    r.setItems([key, value]);
  },
  117: (r) => r.setItems(r.popToMark()), // u SETITEMS
  93: (r) => r.push([]), // ] EMPTY_LIST
  108: (r) => r.push(r.popToMark()), // l LIST
  97: (r) => r.append([r.pop()]), // a APPEND
  101: (r) => r.append(r.popToMark()), // e APPENDS
  41: (r) => r.tuple([]), // ) EMPTY_TUPLE
  116: (r) => r.tuple(r.popToMark()), // t TUPLE
  133: (r) => r.tuple(r.popMany(1)), // TUPLE1
  134: (r) => r.tuple(r.popMany(2)), // TUPLE2
  135: (r) => r.tuple(r.popMany(3)), // TUPLE3
  113: (r) => r.remember(r.unsigned(1)), // q BINPUT
  114: (r) => r.remember(r.unsigned(4)), // r LONG_BINPUT
  148: (r) => r.rememberNext(), // MEMOIZE
  104: (r) => r.recall(r.unsigned(1)), // h BINGET
  106: (r) => r.recall(r.unsigned(4)), // j LONG_BINGET
  99: (r) => r.global(r.line(), r.line()), // c GLOBAL
  147: (r) => r.globalFromStack(), // STACK_GLOBAL
  82: (r) => r.call(), // R REDUCE
  81: (r) => r.persistent(), // Q BINPERSID
  98: (r) => r.dropAttributes(), // b BUILD
};
