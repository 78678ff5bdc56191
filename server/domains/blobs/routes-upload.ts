import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import { insertedXorb, registeredShard } from '../../../contract/cas.ts'
import { nothing } from '../../../contract/parts.ts'
import { MAX_SHARD_BYTES } from '../../formats/shard.ts'
import { inPassing, readBody } from '../../http/body.ts'
import { type Call, octets, type Route, route } from '../../http/route.ts'
import { HubError } from '../../kernel/errors.ts'
import { MemoryBudget } from '../../kernel/memory-budget.ts'
import { StorageFault, storageFault } from '../../kernel/storage-faults.ts'
import { claimsOf, hashOf } from './cas-call.ts'
import { XorbBeingCollected, XorbNotKnown } from './errors.ts'
import { limitParallel } from './limit-parallel.ts'
import type { BlobParts } from './parts.ts'
import { receiveXorb } from './receive-xorb.ts'
import { registerShard, type ShardProgress } from './register-shard.ts'
import { findUsableXorbs } from './use-xorbs.ts'
import { findVisibleXorbs } from './visible-xorbs.ts'
import { xorbKey } from './xorb-objects.ts'

/** A shard and what it was parsed to may take some hundred MB. */
const parallelShards = 2
/** Bodies of shards that are here, waiting or still coming. Most have some KB. */
const shardMemory = { bytes: 128 * 1024 * 1024, waitMs: 30_000 }
/** hf_xet gives up on a stream that is silent for long; something is said this often. */
const heartbeatMs = 1000
const telemetryBytes = 1024 * 1024

/** The half of the CAS that takes things in. */
export function uploadRoutes(parts: BlobParts): Route[] {
  const oneOfFew = limitParallel(parallelShards)
  const memory = new MemoryBudget('shards', shardMemory.bytes, shardMemory.waitMs)
  /** Resolves when the shard has been read, to how its registration goes on. */
  const takeShard = async (call: Pick<Call, 'proven' | 'stream'>, progress: ShardProgress) => {
    const read = Promise.withResolvers<void>()
    const outcome = memory.hold(call.stream, async metered => {
      const shard = await readBody(metered, MAX_SHARD_BYTES)
      read.resolve()
      await oneOfFew(() => registerShard(parts, claimsOf(call).holder, shard, progress))
    })
    outcome.catch(read.reject)
    await read.promise
    return { outcome }
  }
  return [
    route({
      method: 'POST',
      path: '/cas/v1/xorb-grants/:prefix/:xorb',
      grant: 'cas:write',
      about: {
        summary: 'Whether the xorb is stored, so that it need not be sent',
        answers: { 200: nothing },
      },
      async handle(call) {
        // 200 means "send nothing", so it must be true; on 404 the client posts the xorb as it always did.
        const hash = hashOf(call, 'xorb')
        const row = (await findUsableXorbs(parts.database, [hash])).get(hash)
        const isWhole = row && (await parts.objects.size(xorbKey(hash))) === row.object_bytes
        const isVisible = row && (await findVisibleXorbs(parts, claimsOf(call), [row])).has(hash)
        if (!isWhole || !isVisible) throw new XorbNotKnown(hash)
        return {}
      },
    }),
    route({
      method: 'POST',
      path: '/cas/v1/xorbs/:prefix/:xorb',
      grant: 'cas:write',
      about: { summary: 'Put a xorb', takes: octets, answers: { 200: insertedXorb } },
      async handle(call) {
        const { wasInserted } = await receiveXorb(
          parts,
          claimsOf(call),
          hashOf(call, 'xorb'),
          inPassing(call.stream),
        )
        return { was_inserted: wasInserted }
      },
    }),
    route({
      method: 'POST',
      path: '/cas/v1/shards',
      grant: 'cas:write',
      about: { summary: 'Register files', takes: octets, answers: { 200: registeredShard } },
      async handle(call) {
        const { outcome } = await takeShard(call, { validating() {}, committing() {} })
        await outcome
        return { result: 1 }
      },
    }),
    route({
      method: 'POST',
      path: '/cas/v2/shards',
      grant: 'cas:write',
      about: {
        summary: 'Register files; says how it goes, a JSON object a line',
        takes: octets,
        answers: { 200: 'application/x-ndjson' },
      },
      async handle(call) {
        const steps = new ShardSteps()
        const { outcome } = await takeShard(call, steps)
        call.reply.type('application/x-ndjson').header('cache-control', 'no-cache')
        const fail = (error: unknown) => call.request.log.error({ err: error }, 'shard failed')
        return Readable.from(shardEvents(steps, outcome, fail))
      },
    }),
    // hf_xet sends it to the root of the CAS' host, whatever path the CAS has.
    ...['/cas/v1/telemetry', '/v1/telemetry'].map(path =>
      route({
        method: 'POST',
        path,
        grant: 'cas:read',
        about: { summary: 'Taken and thrown away', takes: octets, answers: { 204: null } },
        async handle(call) {
          await readBody(call.stream, telemetryBytes)
          return undefined
        },
      }),
    ),
  ]
}

class ShardSteps implements ShardProgress {
  now: object = { type: 'validating', verified: 0, total: 0 }

  validating(verified: number, total: number): void {
    this.now = { type: 'validating', verified, total }
  }

  committing(): void {
    this.now = { type: 'committing', stage: 'syncing' }
  }
}

/**
 * Says how registering goes, a JSON object a line, and at the end how it went (xet-core `cas_types`
 * `ShardUploadEvent`). The status is 200 by then: the last line alone tells success from failure.
 */
async function* shardEvents(
  steps: ShardSteps,
  registered: Promise<void>,
  fail: (error: unknown) => void,
): AsyncGenerator<string, void, undefined> {
  const outcome = registered.then(
    () => ({ type: 'result' }),
    thrown => {
      const error = storageFault(thrown)
      const isOurs = !(error instanceof HubError) || error instanceof StorageFault
      if (isOurs) fail(thrown)
      const message = error instanceof HubError ? error.message : 'something in this hub is broken'
      const retryable = isOurs || error instanceof XorbBeingCollected
      return { type: 'error', message, retryable }
    },
  )
  for (;;) {
    yield `${JSON.stringify(steps.now)}\n`
    const stop = new AbortController()
    const tick = sleep(heartbeatMs, undefined, { signal: stop.signal }).catch(() => undefined)
    const last = await Promise.race([outcome, tick])
    stop.abort()
    if (!last) continue
    yield `${JSON.stringify(last)}\n`
    return
  }
}
