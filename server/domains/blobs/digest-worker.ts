import { createHash, type Hash } from 'node:crypto'
import { readlinkSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { ContentDigest } from './content-digest.ts'

/**
 * What a digest thread is sent, `job` being a number that goes with all that is hashed as one. Bytes lie in shared
 * memory. All but the last kind are answered, in turn: a block by a DigestedBlock, bytes by nothing, the end by the sha256.
 */
export type DigestTask = { readonly job: number } & (
  | {
      readonly kind: 'content'
      readonly block: Uint8Array
      readonly filled: number
      readonly isLast: boolean
    }
  | { readonly kind: 'sha256'; readonly bytes: Uint8Array }
  | { readonly kind: 'sha256-end' }
  | { readonly kind: 'forget' }
)

// Where cores are few, whoever asks something small comes before whoever sends gigabytes. Linux alone knows priorities of
// threads; their link there is <process>/task/<thread>.
if (process.platform === 'linux') {
  const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
  setPriority(thread, constants.priority.PRIORITY_BELOW_NORMAL)
}

const contents = new Map<number, ContentDigest>()
const hashes = new Map<number, Hash>()

function run(task: Exclude<DigestTask, { kind: 'forget' }>): unknown {
  switch (task.kind) {
    case 'content':
      return resume(contents, task.job, () => new ContentDigest()).push(task.block, task.filled, task.isLast)
    case 'sha256':
      resume(hashes, task.job, () => createHash('sha256')).update(task.bytes)
      return undefined
    case 'sha256-end':
      return resume(hashes, task.job, () => createHash('sha256')).digest('hex')
  }
}

function resume<T>(begun: Map<number, T>, job: number, begin: () => T): T {
  const found = begun.get(job) ?? begin()
  begun.set(job, found)
  return found
}

parentPort?.on('message', (task: DigestTask) => {
  if (task.kind !== 'forget') {
    parentPort?.postMessage(run(task))
    return
  }
  contents.delete(task.job)
  hashes.delete(task.job)
})
