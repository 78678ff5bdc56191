import { createHash } from 'node:crypto'
import { expect } from 'vitest'
import type { TestHub } from '../../hub-for-test.suite.ts'

type Asker = ReturnType<TestHub['as']>

/** Sends content by the LFS door, as git-lfs does. Gives what a commit line needs. */
export async function uploadLfs(
  asker: Asker,
  repo: string,
  content: string,
): Promise<{ sha256: string; size: number }> {
  const bytes = Buffer.from(content)
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  const asked = await asker.post(`/${repo}.git/info/lfs/objects/batch`, {
    operation: 'upload',
    objects: [{ oid: sha256, size: bytes.length }],
  })
  const { actions } = asked.json().objects[0]
  if (actions) {
    const put = await asker.send('PUT', actions.upload.href.replace('http://hub.test', ''), bytes)
    expect(put.status).toBe(200)
  }
  return { sha256, size: bytes.length }
}

/** What an operator does: `banyan gc`. */
export async function collectGarbage({ hub }: TestHub, graceMs = 0): Promise<void> {
  const options = {
    dryRun: false,
    graceMs,
    liveHolders: hub.repos.liveHolders,
    progress: () => {},
  }
  // What is found to be unused by one run goes with the next.
  await hub.blobs.collect(options)
  await hub.blobs.collect(options)
  await hub.repos.collect({ dryRun: false, graceMs })
}

/** Until every job that is due has been done. */
export async function jobsDone({ hub }: TestHub): Promise<void> {
  for (;;) {
    const { waiting, leased, buried } = await hub.queue.counts()
    expect(buried).toBe(0)
    if (waiting + leased === 0) return
    await new Promise(settle => setTimeout(settle, 10))
  }
}
