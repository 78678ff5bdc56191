import {
  type CandidateCode,
  codeOf,
  decodeCode,
  encodeCode,
} from '../../server/domains/lineage/candidate-code.ts'
import { CandidateIndex } from '../../server/domains/lineage/candidates.ts'
import { compare } from '../../server/domains/lineage/compare.ts'
import { PlaceThreads } from '../../server/domains/lineage/place-threads.ts'
import { encodeSketch, mix32, type Sketch } from '../../server/domains/sketches/index.ts'
import type { Bench } from './bench.ts'
import { familySize, type Synthetic, syntheticModel, syntheticSketch } from './synthetic-sketches.ts'

/** An index of so many synthetic models, and what it costs to place one more among them. */
export interface Filled {
  readonly count: number
  readonly bytesPerModel: number
  readonly fillSeconds: number
  /** Milliseconds until a new relative of a random family is placed: code, candidates, exact comparison. */
  place(question: number): Promise<{ total: number; find: number; found: number }>
  /** The same by comparing it with each of the models. */
  placeByForce(question: number): Promise<number>
  /** Of models that `compare` calls related the share that is found, over so many questions. */
  recall(questions: number): Promise<{ found: number; related: number }>
}

export async function fillIndex(bench: Bench, count: number): Promise<Filled> {
  const index = new CandidateIndex()
  const before = memory()
  const started = performance.now()
  const sketched = Math.min(count, mostSketched)
  for (let number = 0; number < count; number++) {
    const code =
      number < sketched
        ? decodeCode(encodeCode(codeOf(syntheticSketch(syntheticModel(number), false))))
        : strangerCode(number)
    index.set({ id: `model-${number}`, content: contentOf(number), order: number, code })
    if (number % 100_000 === 99_999) bench.say(`${number + 1} models`)
  }
  const fillSeconds = (performance.now() - started) / 1000
  const bytesPerModel = (memory() - before) / count

  const whole = new Map<string, Uint8Array>()
  const read = async (key: string) => {
    const known = whole.get(key) ?? encodeSketch(syntheticSketch(modelOf(key), true))
    whole.set(key, known)
    return known
  }
  const threads = new PlaceThreads(read)
  bench.defer(() => threads.close())
  const unread = (key: string) => ({ id: key, key, declared: [] })
  const findFor = async (key: string) => {
    const { code, gram } = await threads.code(key)
    return await index.find({ code: decodeCode(code), gram })
  }
  /** What a hub reads from its object store is made before the clock runs: sketches of the question and of all that it will be compared with. */
  const prepare = async (key: string) => {
    if (count > mostKept) whole.clear()
    await read(key)
    const sketch = syntheticSketch(modelOf(key), true)
    for (const id of await index.find({ code: codeOf(sketch), gram: sketch.gram })) await read(id)
  }
  return {
    ...{ count, bytesPerModel, fillSeconds },
    async place(question) {
      const key = questionKey(question, sketched)
      await prepare(key)
      const started = performance.now()
      const ids = await findFor(key)
      const find = performance.now() - started
      await threads.place(unread(key), ids.map(unread), new Map())
      return { total: performance.now() - started, find, found: ids.length }
    },
    async placeByForce(question) {
      const key = questionKey(question, sketched)
      await read(key)
      const started = performance.now()
      const ids = Array.from({ length: count }, (_, number) => `model-${number}`)
      await threads.place(unread(key), ids.map(unread), new Map())
      return performance.now() - started
    },
    async recall(questions) {
      let [found, related] = [0, 0]
      for (let question = 0; question < questions; question++) {
        const key = questionKey(question, sketched)
        const ids = new Set(await findFor(key))
        for (const id of relatives(key, sketched)) {
          related++
          if (ids.has(id)) found++
        }
      }
      return { found, related }
    },
  }
}

/** Of a larger index the rest are strangers: their codes are bits by chance, as those of models of no family here are. */
const mostSketched = 20_000

let template: CandidateCode | undefined

function strangerCode(number: number): CandidateCode {
  template ??= codeOf(syntheticSketch(syntheticModel(0), false))
  const words = Uint32Array.from(template.words, (_, word) =>
    mix32(Math.imul(number, 0x9e3779b1) ^ mix32(word + 1)),
  )
  return { ...template, words, tokens: template.tokens.slice() }
}

/** Of a larger index only the sketches of one question are kept. */
const mostKept = 1000

/** Of its family those that an exact comparison calls related. */
function relatives(key: string, count: number): string[] {
  const asked = modelOf(key)
  const sketch = syntheticSketch(asked, true)
  const first = (asked.family - 1) * familySize
  return Array.from({ length: Math.min(familySize, count - first) }, (_, at) => `model-${first + at}`).filter(
    id => areRelated(sketch, syntheticSketch(modelOf(id), true)),
  )
}

function areRelated(a: Sketch, b: Sketch): boolean {
  const { likeLayers, gram } = compare(a, b)
  return likeLayers >= 0.5 || (gram ?? 0) >= 0.6
}

function contentOf(number: number): string {
  return number.toString(16).padStart(12, '0')
}

/** `question-N-F`: the Nth question, about a new member of family F. */
function questionKey(question: number, count: number): string {
  return `question-${question}-${1 + ((question * 7919) % Math.max(1, Math.floor(count / familySize)))}`
}

function modelOf(key: string): Synthetic {
  const [kind, number, family] = key.split('-')
  if (kind === 'model') return syntheticModel(Number(number))
  return { ...syntheticModel(2_000_000_000 + Number(number)), family: Number(family) }
}

function memory(): number {
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

export function percentile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] as number
}
