import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { runs } from '../../../test/fuzz-runs.ts'
import { mutated } from '../../../test/mutated.ts'
import { LimitExceeded, MalformedInput } from '../../kernel/errors.ts'
import { makeModel } from './model-for-test.suite.ts'
import { type Sketch, sketchVersion } from './sketch.ts'
import { decodeSketch, encodeSketch } from './sketch-codec.ts'
import { sketchOf } from './source-for-test.suite.ts'

const float = fc.float({ noNaN: true, noDefaultInfinity: true }).map(value => value + 0)
const floats = (length: number) =>
  fc.array(float, { minLength: length, maxLength: length }).map(values => Float32Array.from(values))
const size = fc.integer({ min: 0, max: 6 })
const text = fc.string({ unit: 'grapheme', maxLength: 20 })
const tensor = fc
  .record({ height: size, width: size, dtype: fc.constantFrom('F32', 'BF16', 'F16', 'Q4_K') })
  .chain(({ height, width, dtype }) =>
    fc.record({
      ...{ role: text, layer: fc.integer({ min: -1, max: 999 }), rows: fc.maxSafeNat(), columns: fc.nat() },
      ...{ dtype: fc.constant(dtype), quantized: fc.boolean() },
      ...{ height: fc.constant(height), width: fc.constant(width) },
      values: floats(height * width).map(values =>
        dtype === 'BF16'
          ? new Float32Array(new Uint32Array(values.buffer).map(w => w & 0xffff0000).buffer)
          : values,
      ),
    }),
  )
const gram = size.chain(count =>
  fc.record({
    basis: fc.constantFrom('strings' as const, 'ids' as const),
    tokens: fc.uint32Array({ minLength: count, maxLength: count }),
    products: floats(count * count),
  }),
)
const circuit = size.chain(side =>
  fc.record({
    kind: fc.constantFrom('qk' as const, 'ov' as const, 'gate' as const, 'mlp' as const),
    ...{ layer: fc.nat(999), size: fc.constant(side), products: floats(side * side) },
  }),
)
const sketches: fc.Arbitrary<Sketch> = fc.record({
  version: fc.constant(sketchVersion),
  ...{ format: text, parameters: fc.maxSafeNat(), heads: fc.nat(), kvHeads: fc.nat() },
  ...{ tokenizerHash: fc.option(text, { nil: undefined }), tensors: fc.array(tensor, { maxLength: 4 }) },
  ...{ gram: fc.option(gram, { nil: undefined }), circuits: fc.array(circuit, { maxLength: 3 }) },
})

describe('the sketch codec', () => {
  it('gives back what it was given', () => {
    fc.assert(
      fc.property(sketches, sketch => {
        expect(decodeSketch(encodeSketch(sketch))).toEqual(sketch)
      }),
      runs(300),
    )
  })

  it('reads from any place in memory, and shares none', () => {
    fc.assert(
      fc.property(sketches, fc.nat(7), (sketch, before) => {
        const bytes = encodeSketch(sketch)
        const within = new Uint8Array(before + bytes.length)
        within.set(bytes, before)
        const read = decodeSketch(within.subarray(before))
        within.fill(0xff)
        expect(read).toEqual(sketch)
      }),
      runs(100),
    )
  })

  it('refuses in words what was cut, wherever', async () => {
    const bytes = encodeSketch(await sketchOf(makeModel(1, { layers: 1, vocabulary: 20 })))
    for (let end = 0; end < bytes.length; end += end < 3000 ? 7 : 501)
      expect(() => decodeSketch(bytes.subarray(0, end))).toThrow(MalformedInput)
    expect(() => decodeSketch(bytes.subarray(0, -4))).toThrow('sketch: ends before its last value')
    expect(() => decodeSketch(Buffer.concat([bytes, Buffer.alloc(4)]))).toThrow('its header tells of')
    expect(() => decodeSketch(bytes.subarray(1))).toThrow('does not begin with "BNYNSKT1"')
  })

  it('reads changed bytes, or refuses them in words', async () => {
    const samples = [
      encodeSketch(await sketchOf(makeModel(1, { hidden: 8, layers: 1, ffn: 8, vocabulary: 20 }))),
      encodeSketch(await sketchOf(makeModel(1, { hidden: 8, layers: 1, ffn: 8 }), { dtype: 'BF16' })),
    ]
    fc.assert(
      fc.property(mutated(samples), bytes => {
        try {
          const { tensors } = decodeSketch(bytes)
          for (const { values } of tensors) expect(values.every(Number.isFinite)).toBe(true)
        } catch (error) {
          if (!(error instanceof MalformedInput)) throw error
        }
      }),
      runs(2000),
    )
  })

  it('writes nothing that it would not read', async () => {
    const sketch = await sketchOf(makeModel(1, { layers: 1 }))
    const [first, ...others] = sketch.tensors as [Sketch['tensors'][0], ...Sketch['tensors']]
    const withFirst = (changed: object): Sketch => ({
      ...sketch,
      tensors: [{ ...first, ...changed }, ...others],
    })
    expect(() => encodeSketch(withFirst({ values: first.values.map(() => Number.NaN) }))).toThrow(
      'sketch: holds values that are not numbers',
    )
    expect(() => encodeSketch(withFirst({ role: 'r'.repeat(2000) }))).toThrow('tensors.0.role')
    expect(() => encodeSketch(withFirst({ rows: 2 ** 60 }))).toThrow(MalformedInput)
    const large = { ...first, height: 4096, width: 4096, values: new Float32Array(4096 * 4096) }
    expect(() => encodeSketch({ ...sketch, tensors: [large, large] })).toThrow(LimitExceeded)
  })
})
