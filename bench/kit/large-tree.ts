import { type Bench, seconds } from './bench.ts'
import { smallFiles } from './contents.ts'
import { addAndCommit, writeFiles } from './git-repository.ts'
import { commitBody, createRepo, fileLine, postCommit, untilJobsAreDone } from './hub-client.ts'
import { newMachine } from './programs.ts'

/** 10,000 files in the root of a repository, in a hub and in a packed git repository beside it. */
export async function largeTree(bench: Bench) {
  const files = smallFiles(bench.size(10_000, 500), 'tree')
  const hub = await bench.hub()
  const repo = await createRepo(hub, 'large-tree')
  await postCommit(hub, repo, commitBody('Add files', files.map(fileLine)))
  await untilJobsAreDone(hub)

  const machine = await newMachine(bench)
  const folder = await bench.folder()
  await machine.run('git', ['init', '-q', folder])
  await writeFiles(folder, files)
  await addAndCommit(machine, folder)
  await machine.run('git', ['repack', '-adq'], folder)
  return {
    hub,
    /** Seconds until the first page of the listing is here whole. */
    firstPage: () =>
      seconds(async () => {
        const answer = await fetch(`${hub.url}/api/models/${repo}/tree/main`)
        const entries = (await answer.json()) as unknown[]
        if (answer.status !== 200 || entries.length < 500) throw new Error(`answered ${answer.status}`)
      }),
    /** Seconds until git has listed all of it. */
    lsTree: () => seconds(() => machine.run('git', ['ls-tree', '-l', 'HEAD'], folder)),
  }
}
