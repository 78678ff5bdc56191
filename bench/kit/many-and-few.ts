import type { Bench } from './bench.ts'
import type { Rounds } from './figure.ts'
import { putLoad } from './load.ts'
import { type FilledHub, manyAndFew } from './many-repos.ts'
import type { Load, Question } from './request-load.ts'

const connections = 16

/** Milliseconds from one answer to the next of a hub that is kept busy: with 100,000 repositories, and with 100. */
export async function compareHubs(
  bench: Bench,
  questionsOf: (filled: FilledHub) => readonly Question[],
): Promise<Rounds> {
  const { many, few } = await bench.shared(manyAndFew)
  const rounds = await bench.interleave({
    rounds: 3,
    ours: () => timeOfOne(bench, { questions: questionsOf(many) }),
    reference: () => timeOfOne(bench, { questions: questionsOf(few) }),
  })
  return { ...rounds, facts: { connections, ...factsOf(many, few) } }
}

export function factsOf(many: FilledHub, few: FilledHub): Record<string, number> {
  return {
    repositories: many.repos,
    startSeconds: Number(many.startSeconds.toPrecision(3)),
    startSecondsOfReference: Number(few.startSeconds.toPrecision(3)),
  }
}

export async function timeOfOne(
  bench: Bench,
  asked: Pick<Load, 'questions' | 'token'>,
  seconds = 3,
): Promise<number> {
  const served = await putLoad({
    ...asked,
    connections,
    warmUpSeconds: bench.size(1, 0.2),
    seconds: bench.size(seconds, 1),
  })
  return 1000 / served.requestsPerSecond
}
