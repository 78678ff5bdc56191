import { join } from 'node:path'
import { type Bench, seconds } from './bench.ts'
import { smallFiles } from './contents.ts'
import type { Rounds } from './figure.ts'
import { addAndCommit, initDurable, writeFiles } from './git-repository.ts'
import { commitBody, createRepo, fileLine, postCommit, untilJobsAreDone } from './hub-client.ts'
import { newMachine } from './programs.ts'

/**
 * Seconds until `count` new files are committed and on disk, in a repository that is new in each round. Not counted:
 * writing the working tree that git reads, and making the body that the hub reads.
 */
export async function compareCommits(bench: Bench, count: number, rounds: number): Promise<Rounds> {
  const hub = await bench.sharedHub()
  const machine = await newMachine(bench)
  const folder = await bench.folder()
  let repo = ''
  let body = ''
  return bench.interleave({
    rounds,
    warmUp: true,
    async prepare(round) {
      const files = smallFiles(count, `round ${round}`)
      repo = await createRepo(hub, `commit-${count}-${round + 1}`)
      body = commitBody('Add files', files.map(fileLine))
      await initDurable(machine, join(folder, String(round)))
      await writeFiles(join(folder, String(round)), files)
      await untilJobsAreDone(hub)
    },
    ours: () => seconds(() => postCommit(hub, repo, body)),
    reference: round => seconds(() => addAndCommit(machine, join(folder, String(round)))),
  })
}
