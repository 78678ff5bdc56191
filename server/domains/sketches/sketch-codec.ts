import { z } from 'zod'
import { LimitExceeded, MalformedInput } from '../../kernel/errors.ts'
import { type Circuit, type Sketch, sketchVersion, type TensorSketch } from './sketch.ts'

/**
 * A sketch as bytes, version 1 (docs/sketch-format.md): `BNYNSKT1`, the length of the header (32 bits, little-endian), the header as JSON
 * (a `Sketch` with counts where it has values), zeros up to a multiple of 4, then the values in the header's order, little-endian: tensors (32-bit floats,
 * or their upper 16 bits alone where the tensor is `BF16`), hashes of tokens (32 bits), products (32-bit floats). Each run of values begins at a multiple of 4.
 * Throws MalformedInput and LimitExceeded where `decodeSketch` would.
 */
export function encodeSketch(sketch: Sketch): Uint8Array {
  const { tensors, gram, circuits, ...rest } = sketch
  const told = checkHeader({
    ...rest,
    tensors: tensors.map(({ values, ...tensor }) => tensor),
    gram: gram && { basis: gram.basis, count: gram.tokens.length },
    circuits: circuits.map(({ products, ...circuit }) => circuit),
  })
  for (const { values } of tensors) checkNumbers(values)
  for (const { products } of [...(gram ? [gram] : []), ...circuits]) checkNumbers(products)
  const header = Buffer.from(JSON.stringify(told))
  const pieces = [
    ...tensors.map(({ dtype, values }) => (dtype === 'BF16' ? upperHalves(values) : values)),
    ...(gram ? [gram.tokens, gram.products] : []),
    ...circuits.map(({ products }) => products),
  ]
  let end = aligned(prefix + header.length)
  const places = pieces.map(piece => {
    const start = end
    end = aligned(start + piece.byteLength)
    return start
  })
  if (end > sketchLimit) throw new LimitExceeded(subject, sketchLimit, 'bytes', end)
  const bytes = new Uint8Array(end)
  bytes.set(Buffer.from(magic))
  new DataView(bytes.buffer).setUint32(magic.length, header.length, true)
  bytes.set(header, prefix)
  for (const [index, piece] of pieces.entries())
    bytes.set(new Uint8Array(piece.buffer, piece.byteOffset, piece.byteLength), places[index])
  return bytes
}

const magic = 'BNYNSKT1'
const prefix = magic.length + 4
const aligned = (length: number) => Math.ceil(length / 4) * 4
const subject = 'sketch'
/** What a sketch may take, in bytes; that of a model of 1,000 layers takes less. */
const sketchLimit = 64 * 1024 * 1024
const sideLimit = 4096

/** Throws MalformedInput. What it gives shares no memory with `bytes`. */
export function decodeSketch(bytes: Uint8Array): Sketch {
  if (bytes.length > sketchLimit) throw new LimitExceeded(subject, sketchLimit, 'bytes')
  if (bytes.length < prefix || Buffer.from(bytes.subarray(0, magic.length)).toString('latin1') !== magic)
    throw new MalformedInput(subject, `does not begin with "${magic}": make one with "banyan sketch FILE"`)
  const length = new DataView(bytes.buffer, bytes.byteOffset).getUint32(magic.length, true)
  if (prefix + length > bytes.length) throw new MalformedInput(subject, 'ends inside its header')
  const header = readHeader(bytes.subarray(prefix, prefix + length))
  const reader = new Reader(bytes, aligned(prefix + length))
  const tensors = header.tensors.map((tensor): TensorSketch => {
    const count = tensor.height * tensor.width
    return { ...tensor, values: tensor.dtype === 'BF16' ? reader.upperHalves(count) : reader.floats(count) }
  })
  const gram = header.gram && {
    basis: header.gram.basis,
    tokens: reader.words(header.gram.count),
    products: reader.floats(header.gram.count ** 2),
  }
  const circuits = header.circuits.map(
    (circuit): Circuit => ({ ...circuit, products: reader.floats(circuit.size ** 2) }),
  )
  reader.end()
  return { ...header, tensors, gram, circuits }
}

class Reader {
  readonly #bytes: Uint8Array
  #at: number

  constructor(bytes: Uint8Array, at: number) {
    // A view: `slice` of a Buffer would share its memory.
    this.#bytes = new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
    this.#at = at
  }

  floats(count: number): Float32Array {
    return checkNumbers(new Float32Array(this.#take(count * 4)))
  }

  words(count: number): Uint32Array {
    return new Uint32Array(this.#take(count * 4))
  }

  upperHalves(count: number): Float32Array {
    const halves = new Uint16Array(this.#take(count * 2))
    const words = Uint32Array.from(halves, half => half << 16)
    return checkNumbers(new Float32Array(words.buffer))
  }

  end(): void {
    if (this.#at !== this.#bytes.length)
      throw new MalformedInput(subject, `has ${this.#bytes.length} bytes; its header tells of ${this.#at}`)
  }

  #take(length: number): ArrayBuffer {
    const end = this.#at + length
    if (end > this.#bytes.length) throw new MalformedInput(subject, 'ends before its last value')
    const taken = this.#bytes.slice(this.#at, end).buffer as ArrayBuffer
    this.#at = aligned(end)
    return taken
  }
}

function checkNumbers(values: Float32Array): Float32Array {
  if (!values.every(Number.isFinite)) throw new MalformedInput(subject, 'holds values that are not numbers')
  return values
}

function upperHalves(values: Float32Array): Uint16Array {
  return Uint16Array.from(
    new Uint32Array(values.buffer, values.byteOffset, values.length),
    word => word >>> 16,
  )
}

const whole = z.int().min(0)
const side = whole.max(sideLimit)
const name = z.string().max(1024)
const headerShape = z.object({
  version: z.literal(sketchVersion),
  format: name,
  parameters: whole,
  heads: whole,
  kvHeads: whole,
  tokenizerHash: name.optional(),
  tensors: z
    .array(
      z.object({
        ...{ role: name, layer: z.int().min(-1), rows: whole, columns: whole },
        ...{ dtype: name, quantized: z.boolean(), height: side, width: side },
      }),
    )
    .max(200_000),
  gram: z.object({ basis: z.enum(['strings', 'ids']), count: side }).optional(),
  circuits: z
    .array(z.object({ kind: z.enum(['qk', 'ov', 'gate', 'mlp']), layer: whole, size: side }))
    .max(1000),
})

type Header = z.infer<typeof headerShape>

function readHeader(bytes: Uint8Array): Header {
  let header: unknown
  try {
    header = JSON.parse(Buffer.from(bytes).toString('utf8'))
  } catch {
    throw new MalformedInput(subject, 'has a header that is not JSON')
  }
  return checkHeader(header)
}

function checkHeader(header: unknown): Header {
  const { data, error } = headerShape.safeParse(header)
  if (error)
    throw new MalformedInput(
      subject,
      `has a wrong header: ${error.issues[0]?.path.join('.')}: ${error.issues[0]?.message}`,
    )
  return data
}
