import { HubError, LimitExceeded } from '../../kernel/errors.ts'
import type { Repository } from '../../kernel/repository.ts'
import { GitFailed, linesOf } from './git-program.ts'
import type { RepoParts } from './parts.ts'
import { publishPush } from './publish-push.ts'
import { type Inspection, inspectPack } from './push-inspection.ts'
import { PackRefused, Quarantine } from './push-quarantine.ts'
import { faultsOf, peelTips } from './push-refs.ts'
import type { PushReport, PushRequest, RefCommand } from './push-request.ts'
import { allRefs } from './store.ts'

type Parts = Pick<RepoParts, 'database' | 'objects' | 'clock' | 'emit' | 'blobs' | 'mirror'>

/** In bytes of UTF-8, as for paths that come by the API. */
const pathLimit = 4096

/** The whole push is refused: the message is shown beside each ref, the notes above them. */
class PushRefused extends HubError {
  readonly notes: readonly string[]
  constructor(reason: string, notes: readonly string[] = []) {
    super(reason)
    this.notes = notes
  }
}

/**
 * Takes a push: checks refs and objects, and publishes what is good. The report tells of every refusal; what is thrown
 * is a fault of the hub. `pack` is read to its end in every case, `onPhase` told in words what is being done.
 *
 * Why nothing that anybody can come to lacks anything: `index-pack --strict` demands that whatever an object of the
 * pack refers to is there, whether a ref reaches it or not, and what was there before was let in by the same rule.
 */
export async function receivePush(
  parts: Parts,
  repo: Repository,
  request: PushRequest,
  pack: AsyncIterable<Uint8Array>,
  onPhase: (phase: string) => void,
): Promise<PushReport> {
  const verdicts = new Verdicts(request)
  try {
    verdicts.refuse(faultsOf(request.commands, await allRefs(parts.database.sql, repo.id)))
    if (verdicts.isHopeless) return verdicts.report()
    const bringsObjects = verdicts.open.some(command => command.after !== undefined)
    if (bringsObjects) await pushObjects(parts, repo, verdicts, pack, onPhase)
    else await deleteRefs(parts, repo, verdicts)
    return verdicts.report()
  } catch (error) {
    if (error instanceof HubError) return verdicts.reportRefusal(error)
    throw error
  } finally {
    await drain(pack)
  }
}

/** What is known of each command so far. */
class Verdicts {
  readonly isAtomic: boolean
  readonly #commands: readonly RefCommand[]
  readonly #faults = new Map<string, string>()

  constructor(request: PushRequest) {
    this.isAtomic = request.capabilities.has('atomic')
    this.#commands = request.commands
  }

  /** Faults by ref. */
  refuse(faults: ReadonlyMap<string, string>): void {
    for (const [ref, fault] of faults) this.#faults.set(ref, fault)
  }

  get open(): RefCommand[] {
    return this.#commands.filter(command => !this.#faults.has(command.ref))
  }

  /** No ref will move. */
  get isHopeless(): boolean {
    return this.open.length === 0 || (this.isAtomic && this.#faults.size > 0)
  }

  report(): PushReport {
    const others =
      this.isAtomic && this.#faults.size > 0
        ? 'the push is atomic and another of its refs was refused'
        : undefined
    return {
      unpackFault: undefined,
      results: this.#commands.map(({ ref }) => ({ ref, fault: this.#faults.get(ref) ?? others })),
      notes: [],
    }
  }

  reportRefusal(error: HubError): PushReport {
    return {
      unpackFault: error instanceof PackRefused ? error.message : undefined,
      results: this.#commands.map(({ ref }) => ({ ref, fault: error.message })),
      notes: error instanceof PushRefused ? error.notes : [],
    }
  }
}

async function deleteRefs(parts: Parts, repo: Repository, verdicts: Verdicts): Promise<void> {
  const { isAtomic, open } = verdicts
  const moves = open.map(command => ({ ...command, commitId: undefined }))
  verdicts.refuse(await publishPush(parts, repo, { pack: undefined, moves, lfsFiles: [], isAtomic }))
}

async function pushObjects(
  parts: Parts,
  repo: Repository,
  verdicts: Verdicts,
  bytes: AsyncIterable<Uint8Array>,
  onPhase: (phase: string) => void,
): Promise<void> {
  const mirror = await parts.mirror.open(repo)
  try {
    const quarantine = await Quarantine.open(parts.mirror, mirror)
    try {
      onPhase('Resolving deltas')
      const pack = await quarantine.receive(bytes)
      const { moves, faults } = await peelTips(quarantine, verdicts.open)
      verdicts.refuse(faults)
      if (verdicts.isHopeless) return
      onPhase('Checking objects')
      const inspection = pack && (await inspectPack(parts, repo, quarantine, pack))
      onPhase('Checking connectivity')
      const tips = moves.flatMap(({ after }) => after ?? [])
      const isNamed = (oid: string) => inspection?.refused.has(oid) || inspection?.pointers.has(oid)
      const paths = await walkNew(quarantine, tips, isNamed)
      if (inspection && inspection.refusedCount > 0) throw refusalOf(inspection, paths)
      onPhase('Storing')
      const { isAtomic } = verdicts
      const lfsFiles = [...(inspection?.pointers ?? [])].map(([oid, sha256]) => ({
        sha256,
        path: paths.get(oid) ?? sha256,
      }))
      verdicts.refuse(await publishPush(parts, repo, { pack, moves, lfsFiles, isAtomic }))
    } finally {
      await quarantine.close()
    }
  } finally {
    mirror.release()
  }
}

/**
 * Walks all that is new behind the tips, as a second proof that nothing is missing, and returns where the named
 * objects lie. Throws PushRefused, LimitExceeded for a path that is too long.
 */
async function walkNew(
  quarantine: Quarantine,
  tips: readonly string[],
  isNamed: (oid: string) => boolean | undefined,
): Promise<Map<string, string>> {
  const paths = new Map<string, string>()
  const walk = quarantine.run(['rev-list', '--objects', '--stdin', '--not', '--all'], linesFrom(tips))
  for await (const line of linesOf(walk.output)) {
    const path = line.slice(41)
    if (Buffer.byteLength(path) > pathLimit) {
      throw new LimitExceeded(`path ${path.slice(0, 200)}…`, pathLimit, 'bytes')
    }
    if (isNamed(line.slice(0, 40))) paths.set(line.slice(0, 40), path)
  }
  try {
    await walk.ended
  } catch (error) {
    if (error instanceof GitFailed) throw new PushRefused('objects that the new refs need are missing')
    throw error
  }
  return paths
}

async function* linesFrom(texts: readonly string[]): AsyncGenerator<string> {
  for (const text of texts) yield `${text}\n`
}

function refusalOf(inspection: Inspection, paths: ReadonlyMap<string, string>): PushRefused {
  const notes = [...inspection.refused].map(([oid, reason]) => reason(paths.get(oid) ?? `blob ${oid}`))
  const others = inspection.refusedCount - 1
  if (inspection.refusedCount > notes.length) notes.push(`and ${inspection.refusedCount - notes.length} more`)
  return new PushRefused(others > 0 ? `${notes[0]} (and ${others} more)` : `${notes[0]}`, notes)
}

/** A client that is still sending does not read; what is left has to go somewhere before it can be told. */
async function drain(bytes: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const _ of bytes);
  } catch {
    // The line broke, or it was far too much: nobody waits for the answer.
  }
}
