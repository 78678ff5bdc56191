import { readlinkSync } from 'node:fs'
import { constants, setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { ContentDigest } from './content-digest.ts'

/** What a digest thread is sent. Each block is answered, in turn, by a DigestedBlock; it lies in shared memory. */
export type DigestTask =
  | {
      readonly upload: number
      readonly block: Uint8Array
      readonly filled: number
      readonly isLast: boolean
    }
  | { readonly upload: number; readonly isOver: true }

// Where cores are few, whoever asks something small comes before whoever sends gigabytes. Linux alone knows priorities of
// threads; their link there is <process>/task/<thread>.
if (process.platform === 'linux') {
  const thread = Number(readlinkSync('/proc/thread-self').split('/').at(-1))
  setPriority(thread, constants.priority.PRIORITY_BELOW_NORMAL)
}

const digests = new Map<number, ContentDigest>()

parentPort?.on('message', (task: DigestTask) => {
  const { upload } = task
  if ('isOver' in task) {
    digests.delete(upload)
    return
  }
  const digest = digests.get(upload) ?? new ContentDigest()
  digests.set(upload, digest)
  parentPort?.postMessage(digest.push(task.block, task.filled, task.isLast))
})
