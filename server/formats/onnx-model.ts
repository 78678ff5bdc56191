import { LimitExceeded, MalformedInput } from '../kernel/errors.ts'
import { type BlockType, plainTypes } from './block-type.ts'
import type { ByteSource } from './byte-source.ts'
import { type Field, fieldHeadBytes, readField, readFields, readVarint } from './protobuf.ts'

/**
 * The tensors of an ONNX model: initialisers of its graph and of those inside it, and constants that nodes make. Source:
 * onnx `onnx/onnx.proto`. A file of any size is walked over; only what is short is read.
 */
export interface OnnxTensor {
  readonly name: string
  readonly shape: readonly number[]
  /** Undefined for those that are no numbers, or of a type that is not known. */
  readonly type: BlockType | undefined
  /** `data_type`, by number. */
  readonly typeNumber: number
  readonly data: OnnxData
  /** A node multiplies by it as in × out. */
  readonly transposed: boolean
}

type OnnxData =
  /** Bytes of the file, as the type has them. */
  | { readonly kind: 'bytes'; readonly begin: number; readonly end: number }
  /** A varint for each value, which has the bits of one. */
  | { readonly kind: 'varints'; readonly begin: number; readonly end: number }
  /** In another file, by its path from the folder of the model. */
  | { readonly kind: 'external'; readonly location: string; readonly offset: number }

const subject = 'ONNX model'
const depthLimit = 8
const fieldLimit = 1_500_000
const tensorLimit = 100_000
const textLimit = 16 * 1024
const windowBytes = 64 * 1024

function fourBits(name: string, toValue: (bits: number) => number): BlockType {
  return {
    name,
    values: 2,
    bytes: 1,
    decode(view, at, blocks, out, outAt) {
      for (let n = 0; n < blocks; n++) {
        const pair = view.getUint8(at + n)
        out[outAt + 2 * n] = toValue(pair & 15)
        out[outAt + 2 * n + 1] = toValue(pair >> 4)
      }
    },
  }
}

/** `TensorProto.DataType` */
const types = new Map<number, BlockType>([
  [1, plainTypes.F32],
  [2, plainTypes.U8],
  [3, plainTypes.I8],
  [4, plainTypes.U16],
  [5, plainTypes.I16],
  [6, plainTypes.I32],
  [7, plainTypes.I64],
  [9, plainTypes.BOOL],
  [10, plainTypes.F16],
  [11, plainTypes.F64],
  [12, plainTypes.U32],
  [13, plainTypes.U64],
  [14, plainTypes.C64],
  [16, plainTypes.BF16],
  [17, plainTypes.F8_E4M3],
  [18, plainTypes.F8_E4M3FNUZ],
  [19, plainTypes.F8_E5M2],
  [20, plainTypes.F8_E5M2FNUZ],
  [21, fourBits('U4', bits => bits)],
  [22, fourBits('I4', bits => (bits << 28) >> 28)],
  [23, plainTypes.F4],
  [24, plainTypes.F8_E8M0],
])

/** Throws MalformedInput or LimitExceeded. */
export async function readOnnxModel(source: ByteSource): Promise<OnnxTensor[]> {
  const walker = new Walker(source)
  for await (const field of walker.fields(0, source.size))
    if (field.number === 7 && field.type === 'bytes') await walker.graph(field, 0)
  return walker.tensors.map(tensor => ({ ...tensor, transposed: walker.isTransposed(tensor.name) }))
}

/** The values of a tensor that has a varint for each, as its type has them in bytes. */
export function decodeVarints(varints: Uint8Array, type: BlockType): Uint8Array {
  const out = Buffer.alloc(varints.length * type.bytes)
  let length = 0
  for (let at = 0; at < varints.length; ) {
    const varint = readVarint(varints, at)
    if (!varint) throw new MalformedInput(subject, 'has a number that is cut')
    for (let n = 0; n < type.bytes; n++) out[length++] = Number((varint.value >> BigInt(8 * n)) & 255n)
    at = varint.end
  }
  return out.subarray(0, length)
}

class Walker {
  readonly tensors: Omit<OnnxTensor, 'transposed'>[] = []
  readonly #source: ByteSource
  #window: Uint8Array = new Uint8Array()
  #windowAt = 0
  #fieldCount = 0
  /** Second operands of products, and what a value is but for its type, by name. */
  readonly #inByOut = new Set<string>()
  readonly #sameAs = new Map<string, string>()

  constructor(source: ByteSource) {
    this.#source = source
  }

  isTransposed(name: string): boolean {
    return this.#inByOut.has(name)
  }

  async *fields(begin: number, end: number): AsyncGenerator<Field, void, undefined> {
    for (let at = begin; at < end; ) {
      if (++this.#fieldCount > fieldLimit) throw new LimitExceeded(subject, fieldLimit, 'fields')
      const head = await this.#bytes(at, Math.min(end, at + fieldHeadBytes))
      const field = readField(head, 0)
      if (!field || at + field.end > end)
        throw new MalformedInput(subject, `is cut in the field at byte ${at}`)
      yield { ...field, begin: at + field.begin, end: at + field.end }
      at += field.end
    }
  }

  async graph({ begin, end }: Field, depth: number): Promise<void> {
    if (depth === depthLimit)
      throw new LimitExceeded(`graphs in graphs of an ${subject}`, depthLimit, 'levels')
    for await (const field of this.fields(begin, end)) {
      if (field.type !== 'bytes') continue
      if (field.number === 1) await this.#node(field, depth)
      if (field.number === 5) await this.#tensor(field)
    }
    // A later node uses what an earlier one made; names of a quantised weight lead back to it.
    for (const name of [...this.#inByOut])
      for (let of = this.#sameAs.get(name), n = 0; of !== undefined && n < 8; of = this.#sameAs.get(of), n++)
        this.#inByOut.add(of)
  }

  async #node({ begin, end }: Field, depth: number): Promise<void> {
    const inputs: string[] = []
    let output = ''
    let operation = ''
    const attributes: Field[] = []
    for await (const field of this.fields(begin, end)) {
      if (field.type !== 'bytes') continue
      if (field.number === 1 && inputs.length < 8) inputs.push(await this.#text(field))
      if (field.number === 2 && output === '') output = await this.#text(field)
      if (field.number === 4) operation = await this.#text(field)
      if (field.number === 5) attributes.push(field)
    }
    let isTurned = false
    for (const attribute of attributes) {
      const { name, value, tensor, graphs } = await this.#attribute(attribute)
      if (name === 'transB') isTurned = value === 1n
      if (operation === 'Constant' && name === 'value' && tensor) await this.#tensor(tensor, output)
      for (const graph of graphs) await this.graph(graph, depth + 1)
    }
    const [first, second] = inputs
    if (products.test(operation) && second !== undefined && !isTurned) this.#inByOut.add(second)
    if (/^(DequantizeLinear|Identity|Cast)$/.test(operation) && first !== undefined)
      this.#sameAs.set(output, first)
  }

  async #attribute({ begin, end }: Field) {
    let name = ''
    let value = 0n
    let tensor: Field | undefined
    const graphs: Field[] = []
    for await (const field of this.fields(begin, end)) {
      if (field.number === 1) name = await this.#text(field)
      if (field.number === 3) value = field.value
      if (field.number === 5) tensor = field
      if (field.number === 6 || field.number === 11) graphs.push(field)
      // Lists of numbers are long, and none is looked at: they are the last fields.
      if (field.number === 7 || field.number === 8) break
    }
    return { name, value, tensor, graphs }
  }

  /** `name` is of the value that a constant makes; such constants are weights only when they are of real numbers. */
  async #tensor({ begin, end }: Field, name = ''): Promise<void> {
    const shape: number[] = []
    const external = new Map<string, string>()
    const isConstant = name !== ''
    let typeNumber = 0
    let data: OnnxData = { kind: 'bytes', begin: 0, end: 0 }
    for await (const field of this.fields(begin, end)) {
      if (field.number === 1) shape.push(...(await this.#dimensions(field)))
      if (field.number === 2) typeNumber = Number(field.value)
      if (field.number === 8 && !isConstant) name = await this.#text(field)
      if (field.number === 13) await this.#external(field, external)
      const { type } = field
      if ([4, 9, 10].includes(field.number) && type === 'bytes')
        data = { kind: 'bytes', begin: field.begin, end: field.end }
      if ([5, 7, 11].includes(field.number) && type === 'bytes')
        data = { kind: 'varints', begin: field.begin, end: field.end }
    }
    if (isConstant && [6, 7, 9].includes(typeNumber)) return
    const location = external.get('location')
    if (location !== undefined)
      data = { kind: 'external', location, offset: Number(external.get('offset') ?? 0) }
    if (this.tensors.length === tensorLimit) throw new LimitExceeded(subject, tensorLimit, 'tensors')
    this.tensors.push({ name, shape, type: types.get(typeNumber), typeNumber, data })
  }

  async #dimensions(field: Field): Promise<number[]> {
    const values: bigint[] = []
    if (field.type === 'varint') values.push(field.value)
    else {
      const packed = await this.#short(field)
      for (let at = 0; at < packed.length; ) {
        const varint = readVarint(packed, at)
        if (!varint) throw new MalformedInput(subject, 'has a shape that is cut')
        values.push(varint.value)
        at = varint.end
      }
    }
    if (values.length > 16 || values.some(value => value > BigInt(Number.MAX_SAFE_INTEGER)))
      throw new MalformedInput(subject, `has a tensor of the shape ${values.slice(0, 20).join(' × ')}`)
    return values.map(Number)
  }

  /** `StringStringEntryProto` */
  async #external(field: Field, external: Map<string, string>): Promise<void> {
    const entry = Buffer.from(await this.#short(field))
    const texts = ['', '', '']
    for (const { number, begin, end } of readFields(entry))
      if (number === 1 || number === 2) texts[number] = entry.toString('utf8', begin, end)
    if (external.size < 8) external.set(texts[1]!, texts[2]!)
  }

  async #text(field: Field): Promise<string> {
    return Buffer.from(await this.#short(field)).toString('utf8')
  }

  async #short({ begin, end }: Field): Promise<Uint8Array> {
    if (end - begin > textLimit)
      throw new LimitExceeded(`a name in an ${subject}`, textLimit, 'bytes', end - begin)
    return this.#bytes(begin, end)
  }

  async #bytes(begin: number, end: number): Promise<Uint8Array> {
    if (begin < this.#windowAt || end > this.#windowAt + this.#window.length) {
      this.#windowAt = begin
      this.#window = await this.#source.read(
        begin,
        Math.min(this.#source.size, Math.max(end, begin + windowBytes)),
      )
    }
    return this.#window.subarray(begin - this.#windowAt, end - this.#windowAt)
  }
}

const products = /^(MatMul|Gemm|MatMulInteger|DynamicQuantizeMatMul)$/
