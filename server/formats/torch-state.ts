import { type BlockType, plainTypes } from './block-type.ts'
import { PickleDict, PickleGlobal, PickleObject, type PickleValue } from './pickle-values.ts'

/**
 * The tensors in what torch has pickled. Source: torch `_utils.py` (`_rebuild_tensor_v2` and its like), `serialization.py`
 * (persistent ids of storages) and `csrc/jit/serialization/pickler.cpp`.
 */
export interface TorchTensor {
  readonly name: string
  readonly shape: readonly number[]
  /** Values from one index to the next, by dimension. */
  readonly strides: readonly number[]
  /** Of its first value in the storage, in values. */
  readonly offset: number
  readonly storage: TorchStorage
}

interface TorchStorage {
  readonly key: string
  readonly type: BlockType
  /** Values that it holds, as the pickle says. */
  readonly length: number
}

/** What torch itself loads without being told to trust a file (`_weights_only_unpickler.py`), and what it writes for TorchScript. */
const harmless = new RegExp(
  [
    String.raw`^collections\.(OrderedDict|defaultdict|Counter)$`,
    String.raw`^(builtins|__builtin__)\.(set|frozenset|list|dict|tuple|int|float|str|bytes|bytearray|complex|bool|slice|range)$`,
    String.raw`^_codecs\.encode$`,
    String.raw`^torch\.([A-Z][A-Za-z0-9]*Storage|Size|Tensor|device|[a-z]+\d+\w*|bool|strided|per_\w+_affine)$`,
    String.raw`^torch\.storage\.(UntypedStorage|TypedStorage|_load_from_bytes)$`,
    String.raw`^torch\.nn\.parameter\.(Parameter|UninitializedParameter|Buffer)$`,
    // A class, never what its module imports.
    String.raw`^torch\.nn\.modules\.[a-z]+\.[A-Z]\w*$`,
    String.raw`^torch\.serialization\._get_layout$`,
    String.raw`^torch\._utils\._rebuild_(tensor(_v2|_v3)?|parameter(_with_state)?|qtensor|sparse_tensor|meta_tensor_no_storage|device_tensor_from_\w+)$`,
    String.raw`^torch\._tensor\._rebuild_from_type_v2$`,
    String.raw`^torch\.jit\._pickle\.(build_(int|tensor|double|bool)list|build_tensor_from_id|restore_type_tag)$`,
    String.raw`^__torch__\.`,
    String.raw`^numpy\.(dtype|ndarray)$`,
    String.raw`^numpy\.(_?core)\.multiarray\.(_reconstruct|scalar)$`,
  ].join('|'),
)

/** Whether loading a file that names it may run what somebody wrote. */
export function isHarmless(global: string): boolean {
  return harmless.test(global) && global !== 'torch.storage._load_from_bytes'
}

const storageTypes: Readonly<Record<string, BlockType>> = {
  DoubleStorage: plainTypes.F64,
  FloatStorage: plainTypes.F32,
  HalfStorage: plainTypes.F16,
  BFloat16Storage: plainTypes.BF16,
  LongStorage: plainTypes.I64,
  IntStorage: plainTypes.I32,
  ShortStorage: plainTypes.I16,
  CharStorage: plainTypes.I8,
  ByteStorage: plainTypes.U8,
  BoolStorage: plainTypes.BOOL,
  ComplexFloatStorage: plainTypes.C64,
}

/** Of those whose storage has no type of its own (`_rebuild_tensor_v3`). */
const dtypes: Readonly<Record<string, BlockType>> = {
  float8_e4m3fn: plainTypes.F8_E4M3,
  float8_e5m2: plainTypes.F8_E5M2,
  float8_e4m3fnuz: plainTypes.F8_E4M3FNUZ,
  float8_e5m2fnuz: plainTypes.F8_E5M2FNUZ,
  float8_e8m0fnu: plainTypes.F8_E8M0,
  uint16: plainTypes.U16,
  uint32: plainTypes.U32,
  uint64: plainTypes.U64,
}

export interface TorchState {
  readonly tensors: readonly TorchTensor[]
  /** Names of tensors of kinds that are not read, with what kind that is. */
  readonly others: readonly { readonly name: string; readonly kind: string }[]
}

const depthLimit = 24
/** Dictionaries that hold the weights of a checkpoint, beside the state of its training. */
const wrappers = ['state_dict', 'model_state_dict', 'model', 'module', 'params', 'net']

/** Tensors by their place in dictionaries, lists and the attributes of modules: `encoder.0.weight`. */
export function findTensors(value: PickleValue): TorchState {
  const tensors: TorchTensor[] = []
  const others: { name: string; kind: string }[] = []
  const seen = new Set<PickleValue>()
  const visit = (value: PickleValue, name: string, depth: number) => {
    if (typeof value !== 'object' || value === null) return
    const tensor = asTensor(value, name)
    if (tensor) return tensors.push(tensor)
    if (
      value instanceof PickleObject &&
      /_rebuild_(qtensor|sparse|meta|tensor|device)/.test(value.global ?? '')
    )
      return others.push({ name, kind: value.global! })
    if (depth === depthLimit || seen.has(value)) return
    seen.add(value)
    for (const [key, part] of partsOf(value)) visit(part, name === '' ? key : `${name}.${key}`, depth + 1)
  }
  visit(weightsOf(value), '', 0)
  return { tensors, others }
}

/** The state of a model in a checkpoint that has others beside it. */
function weightsOf(value: PickleValue): PickleValue {
  const parts = new Map(partsOf(value))
  if ([...parts].some(([name, part]) => asTensor(part, name))) return value
  for (const name of wrappers) {
    const part = parts.get(name)
    if (part && partsOf(part).length > 0) return part
  }
  return value
}

function partsOf(value: PickleValue): [string, PickleValue][] {
  if (Array.isArray(value)) return value.map((part, n) => [String(n), part])
  if (value instanceof PickleDict)
    return value
      .pairs()
      .flatMap(([key, part]): [string, PickleValue][] =>
        typeof key === 'string' || typeof key === 'number' ? [[String(key), part]] : [],
      )
  if (!(value instanceof PickleObject)) return []
  return value.state === null && value.global?.startsWith('torch.jit._pickle.')
    ? partsOf(argsOf(value)[0] ?? null)
    : partsOf(moduleState(value.state))
}

/** A module keeps parameters, buffers and modules in dictionaries of their own, which its names leave out. */
function moduleState(state: PickleValue): PickleValue {
  if (!(state instanceof PickleDict)) return state
  const inner = ['_parameters', '_buffers', '_modules']
  if (!state.pairs().some(([key]) => key === '_parameters')) return state
  const merged = new PickleDict()
  for (const [key, part] of state.pairs())
    if (inner.includes(String(key))) for (const [name, item] of partsOf(part)) merged.items.push(name, item)
  return merged
}

function argsOf(object: PickleObject): PickleValue[] {
  return Array.isArray(object.args) ? object.args : []
}

function asTensor(value: PickleValue, name: string, depth = 0): TorchTensor | undefined {
  if (!(value instanceof PickleObject) || depth > 3) return undefined
  const args = argsOf(value)
  switch (value.global) {
    case 'torch._utils._rebuild_parameter':
    case 'torch._utils._rebuild_parameter_with_state':
      return asTensor(args[0] ?? null, name, depth + 1)
    // (function, type, arguments, state): a tensor of a class of its own.
    case 'torch._tensor._rebuild_from_type_v2': {
      const made = args[0] instanceof PickleGlobal ? args[0].name : undefined
      return asTensor(new PickleObject(made, args[2] ?? null), name, depth + 1)
    }
    case 'torch._utils._rebuild_tensor':
    case 'torch._utils._rebuild_tensor_v2':
    case 'torch._utils._rebuild_tensor_v3': {
      const [storage, offset, shape, strides] = args
      const dtype = value.global.endsWith('v3') ? args[6] : undefined
      const found = asStorage(storage ?? null, dtype)
      if (!found || !isSizes(shape) || !isSizes(strides) || shape.length !== strides.length) return undefined
      return typeof offset === 'number' && isSizes([offset])
        ? { name, shape, strides, offset, storage: found }
        : undefined
    }
    default:
      return undefined
  }
}

/** ('storage', type, key, location, length) */
function asStorage(value: PickleValue, dtype: PickleValue | undefined): TorchStorage | undefined {
  if (!(value instanceof PickleObject) || value.global !== undefined) return undefined
  const [kind, typeGlobal, key, , length] = argsOf(value)
  if (kind !== 'storage' || !(typeGlobal instanceof PickleGlobal) || typeof length !== 'number')
    return undefined
  const ofDtype = dtype instanceof PickleGlobal ? dtypes[last(dtype.name)] : undefined
  const type = ofDtype ?? storageTypes[last(typeGlobal.name)]
  if (!type || !isSizes([length]) || (typeof key !== 'string' && typeof key !== 'number')) return undefined
  return { key: String(key), type, length: ofDtype ? Math.floor(length / ofDtype.bytes) : length }
}

function last(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}

function isSizes(value: PickleValue | undefined): value is number[] {
  return (
    Array.isArray(value) &&
    value.length <= 16 &&
    value.every(size => typeof size === 'number' && Number.isSafeInteger(size) && size >= 0)
  )
}
