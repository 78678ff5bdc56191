import { sampleAxis, type TensorSketch } from '../sketches/index.ts'

/**
 * Whether the rows of a matrix are those of a Fourier transform, under a window of one hump (Hann, Hamming) or none: then it was computed and not
 * learned, and is the same in models that have nothing to do with each other. Each row is a sum of three neighbouring harmonics of its length.
 */
export function isFixedBasis({ columns, height, width, values }: TensorSketch): boolean {
  if (width < leastWidth || height < leastRows || columns > mostColumns) return false
  const harmonics = harmonicsOf(columns, width)
  let waves = 0
  for (let row = 0; row < height && waves < leastRows; row++) {
    const sampled = Float64Array.from(values.subarray(row * width, (row + 1) * width))
    const power = dot(sampled, sampled)
    // The sine of frequency 0.
    if (power < 1e-12 * width) continue
    if (!isWave(sampled, power, harmonics)) return false
    waves++
  }
  return waves === leastRows
}

const leastWidth = 16
const leastRows = 4
/** One pass tries half as many frequencies. */
const mostColumns = 4096
/** Of a row's power. */
const mostUnexplained = 1e-3

function isWave(sampled: Float64Array, power: number, harmonics: Harmonics): boolean {
  return harmonics.some(basis => {
    let left = power
    for (const wave of basis) left -= dot(sampled, wave) ** 2
    return left <= mostUnexplained * power
  })
}

/** For each frequency an orthonormal basis of it and its two neighbours, at the sampled places. */
type Harmonics = readonly (readonly Float64Array[])[]

const known = new Map<string, Harmonics>()
/** The largest takes 3 MB. */
const remembered = 8

function harmonicsOf(length: number, samples: number): Harmonics {
  const key = `${length}/${samples}`
  const found = known.get(key)
  if (found) return found
  const places = sampleAxis(length, samples)
  const made = Array.from({ length: (length >> 1) + 1 }, (_, frequency) => {
    const basis: Float64Array[] = []
    for (const harmonic of [frequency, frequency - 1, frequency + 1]) {
      for (const shift of [0, Math.PI / 2]) {
        const wave = places.map(place => Math.cos((2 * Math.PI * harmonic * place) / length - shift))
        const own = orthogonal(wave, basis)
        if (own) basis.push(own)
      }
    }
    return basis
  })
  if (known.size >= remembered) known.clear()
  known.set(key, made)
  return made
}

/** What of a vector is in none of the others, of length 1; undefined when that is nothing. */
function orthogonal(vector: readonly number[], others: readonly Float64Array[]): Float64Array | undefined {
  const left = Float64Array.from(vector)
  for (const other of others) {
    const along = dot(left, other)
    for (let at = 0; at < left.length; at++) left[at] = (left[at] as number) - along * (other[at] as number)
  }
  const length = Math.sqrt(dot(left, left))
  return length > 1e-6 ? left.map(value => value / length) : undefined
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let at = 0; at < a.length; at++) sum += (a[at] as number) * (b[at] as number)
  return sum
}
