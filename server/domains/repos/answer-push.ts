import { setTimeout as sleep } from 'node:timers/promises'
import { encodePktLine, encodePktMarker, encodeSideband, PktLineReader } from '../../formats/pktline.ts'
import type { User } from '../../kernel/actor.ts'
import { LimitExceeded } from '../../kernel/errors.ts'
import type { Repository } from '../../kernel/repository.ts'
import { StorageFault, storageFault } from '../../kernel/storage-faults.ts'
import { receivePush } from './git-push.ts'
import type { RepoParts } from './parts.ts'
import {
  encodePushReport,
  oneLine,
  type PushReport,
  type PushRequest,
  readPushRequest,
} from './push-request.ts'

interface PushLimits {
  /** The most bytes that the pack of one push may have; large files go by LFS or Xet. */
  readonly packBytes: number
  /** After so long without a word one is said; shorter than any proxy's patience. */
  readonly silenceMs: number
}

const pushLimits: PushLimits = { packBytes: 2 * 1024 ** 3, silenceMs: 5_000 }

/**
 * Answers the body of `POST git-receive-pack`. Resolves when the body has been read: the client reads nothing before.
 * Then the answer lives for as long as the work takes, with a word every few seconds. Throws HubBusy, MalformedInput and
 * LimitExceeded for a body that is no push; whatever goes wrong later is told in the answer, and `onFault` when it was
 * the hub's.
 */
export async function answerPush(
  parts: Parameters<typeof receivePush>[0] & Pick<RepoParts, 'admission'>,
  actor: User,
  repo: Repository,
  body: AsyncIterable<Uint8Array>,
  onFault: (error: unknown) => void,
  limits = pushLimits,
): Promise<AsyncIterable<Uint8Array>> {
  const reader = new PktLineReader(body)
  const request = await readPushRequest(reader)
  const leave = await parts.admission.pushes.take()
  const bodyRead = Promise.withResolvers<void>()
  const pack = packWithin(reader.rest(), limits.packBytes, bodyRead.resolve)
  let phase = 'Receiving objects'
  const report = receivePush(parts, actor, repo, request, pack, next => {
    phase = next
  })
    .catch(error => {
      onFault(error)
      return brokenHub(request, storageFault(error))
    })
    .finally(leave)
  await Promise.race([bodyRead.promise, report])
  return answer(request, report, () => phase, limits.silenceMs)
}

async function* answer(
  { commands, capabilities }: PushRequest,
  report: Promise<PushReport>,
  phase: () => string,
  silenceMs: number,
): AsyncGenerator<Uint8Array> {
  if (!capabilities.has('side-band-64k')) {
    const outcome = await report
    if (capabilities.has('report-status') && commands.length > 0) yield encodePushReport(outcome)
    return
  }
  while (!(await settlesWithin(report, silenceMs))) {
    yield capabilities.has('quiet') ? encodePktLine(Uint8Array.of(2)) : encodeSideband(2, `${phase()} ...\n`)
  }
  const outcome = await report
  for (const note of outcome.notes) yield encodeSideband(2, `${oneLine(note)}\n`)
  if (capabilities.has('report-status')) yield encodeSideband(1, encodePushReport(outcome))
  yield encodePktMarker('flush')
}

async function settlesWithin(work: Promise<unknown>, milliseconds: number): Promise<boolean> {
  const stop = new AbortController()
  const patience = sleep(milliseconds, false, { signal: stop.signal }).catch(() => false)
  const isSettled = await Promise.race([work.then(() => true), patience])
  stop.abort()
  return isSettled
}

/**
 * A client that sends too much is read for as much again, because it does not hear us while it is sending. `onEnd` is
 * called when there is no more to read.
 */
async function* packWithin(
  bytes: AsyncIterable<Uint8Array>,
  limit: number,
  onEnd: () => void,
): AsyncGenerator<Uint8Array> {
  let length = 0
  try {
    for await (const piece of bytes) {
      length += piece.length
      if (length <= limit) yield piece
      else if (length > 2 * limit) break
    }
    if (length > limit) throw new LimitExceeded('the pack of one push', limit, 'bytes')
  } finally {
    onEnd()
  }
}

function brokenHub(request: PushRequest, error: unknown): PushReport {
  const isDisk = error instanceof StorageFault
  const fault = isDisk ? error.message : 'something in this hub is broken; nothing was changed'
  return {
    unpackFault: fault,
    results: request.commands.map(({ ref }) => ({ ref, fault })),
    notes: [],
  }
}
