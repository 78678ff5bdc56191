import { seconds } from './kit/bench.ts'
import { smallFiles } from './kit/contents.ts'
import type { Figure } from './kit/figure.ts'
import { commitBody, fileLine, postCommit, untilJobsAreDone } from './kit/hub-client.ts'
import { factsOf } from './kit/many-and-few.ts'
import { type FilledHub, manyAndFew } from './kit/many-repos.ts'

const commits = 10

export const figure: Figure = {
  name: 'commit-100000-repos',
  question:
    'How long does a commit of one file take until it is on disk, in a hub with 100,000 repositories?',
  unit: 's',
  reference: 'itself with 100 repositories',
  target: [{ of: 'ratio', atMost: 1.3 }],
  async run(bench) {
    const { many, few } = await bench.shared(manyAndFew)
    const commit = async ({ hub, asked }: FilledHub, round: number) => {
      const duration = await seconds(async () => {
        for (let n = 0; n < commits; n++) {
          const repo = asked[(n * 7) % asked.length]!
          const file = smallFiles(1, `round ${round}, ${n}`)[0]!
          await postCommit(hub, repo, commitBody('Add a file', [fileLine(file)]))
        }
      })
      await untilJobsAreDone(hub)
      return duration / commits
    }
    const rounds = await bench.interleave({
      rounds: 7,
      warmUp: true,
      ours: round => commit(many, round),
      reference: round => commit(few, round),
    })
    return { ...rounds, facts: factsOf(many, few) }
  },
}
