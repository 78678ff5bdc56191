import { Tree } from '../../formats/git-tree.ts'
import { LFS_POINTER_LIMIT, type LfsPointer, parseLfsPointer } from '../../formats/lfs-pointer.ts'
import { parseTreePath } from '../../formats/tree-path.ts'
import { LimitExceeded } from '../../kernel/errors.ts'
import type { Repository } from '../../kernel/repository.ts'
import { regularFileLimit } from './commit-body.ts'
import { linesOf } from './git-program.ts'
import type { RepoParts } from './parts.ts'
import type { Quarantine, ReceivedPack } from './push-quarantine.ts'

/** What the hub, and not git, asks of pushed objects. */
export interface Inspection {
  /** Blob id → why it is refused, `…` standing for the name of the file. The first few. */
  readonly refused: ReadonlyMap<string, (path: string) => string>
  /** How many blobs are refused. */
  readonly refusedCount: number
  /** Blob id → sha256 of the LFS object that it points to, of all that the push refers to. */
  readonly pointers: ReadonlyMap<string, string>
}

const shownRefusals = 20
/** A folder of some 100,000 files; every listing reads it whole. */
const treeLimit = 16 * 1024 * 1024
const pointerLimit = 200_000
const pointersPerQuery = 500

/**
 * Looks at every object of the pack: blobs over the limit for regular files, pointers whose LFS object this repository
 * does not hold, names that no path may have. Holds one object of at most 16 MiB at a time. Throws MalformedInput and
 * LimitExceeded for what makes a push senseless as a whole.
 */
export async function inspectPack(
  parts: Pick<RepoParts, 'blobs'>,
  repo: Repository,
  quarantine: Quarantine,
  pack: ReceivedPack,
): Promise<Inspection> {
  const findings = new Findings(parts, repo)
  const listing = quarantine.run(
    ['cat-file', '--batch-check=%(objectname) %(objecttype) %(objectsize)', '--buffer'],
    idsOf(pack),
  )
  let asked = 0
  async function* worthReading(): AsyncGenerator<string> {
    for await (const line of linesOf(listing.output)) {
      const { oid, type, size } = parseListing(line)
      if (type === 'tree') {
        if (size > treeLimit) throw new LimitExceeded(`folder (tree ${oid})`, treeLimit, 'bytes', size)
      } else if (type === 'blob' && size > regularFileLimit) {
        findings.refuse(oid, path => tooLarge(path, size))
      }
      if (type === 'tree' || (type === 'blob' && size < LFS_POINTER_LIMIT)) {
        asked += 1
        yield `${oid}\n`
      }
    }
    await listing.ended
  }
  const reading = quarantine.run(['cat-file', '--batch', '--buffer'], worthReading())
  let read = 0
  for await (const { oid, type, content } of objectsOf(reading.output)) {
    read += 1
    if (type === 'tree') checkNames(content)
    else await findings.addBlob(oid, content)
  }
  await reading.ended
  if (read !== asked) throw new Error(`git cat-file gave ${read} objects of ${asked}`)
  return findings.finish()
}

class Findings {
  readonly refused = new Map<string, (path: string) => string>()
  refusedCount = 0
  readonly #parts: Pick<RepoParts, 'blobs'>
  readonly #repo: Repository
  readonly #pointers = new Map<string, string>()
  #pending: { oid: string; pointer: LfsPointer }[] = []

  constructor(parts: Pick<RepoParts, 'blobs'>, repo: Repository) {
    this.#parts = parts
    this.#repo = repo
  }

  refuse(oid: string, reason: (path: string) => string): void {
    this.refusedCount += 1
    if (this.refused.size < shownRefusals) this.refused.set(oid, reason)
  }

  async addBlob(oid: string, content: Uint8Array): Promise<void> {
    const pointer = parseLfsPointer(content)
    if (!pointer) return
    this.#pointers.set(oid, pointer.sha256)
    if (this.#pointers.size > pointerLimit) {
      throw new LimitExceeded('one push', pointerLimit, 'LFS objects; push the history in several steps')
    }
    this.#pending.push({ oid, pointer })
    if (this.#pending.length === pointersPerQuery) await this.#checkPending()
  }

  async finish(): Promise<Inspection> {
    await this.#checkPending()
    return { refused: this.refused, refusedCount: this.refusedCount, pointers: this.#pointers }
  }

  async #checkPending(): Promise<void> {
    const pending = this.#pending
    this.#pending = []
    const sha256s = [...new Set(pending.map(({ pointer }) => pointer.sha256))]
    const held = sha256s.length > 0 ? await this.#parts.blobs.describe(this.#repo.id, sha256s) : new Map()
    for (const { oid, pointer } of pending) {
      const size = held.get(pointer.sha256)?.size
      if (size !== pointer.size) this.refuse(oid, path => notHeld(path, pointer, size))
    }
  }
}

function tooLarge(path: string, size: number): string {
  const mebibytes = (size / 1024 / 1024).toFixed(1)
  const limit = regularFileLimit / 1024 / 1024
  return `${path} (${mebibytes} MiB) is larger than ${limit} MiB; use git-lfs: https://git-lfs.com`
}

function notHeld(path: string, { sha256, size }: LfsPointer, found: number | undefined): string {
  if (found === undefined) return `LFS object ${sha256} of ${path} was not uploaded; run git lfs push --all`
  return `LFS object ${sha256} of ${path} has ${found} bytes, its pointer says ${size}`
}

/** Throws MalformedInput unless every name may stand in a path. Mode is whatever git takes: links and submodules are inert here. */
function checkNames(tree: Uint8Array): void {
  for (const entry of new Tree(tree).entries()) parseTreePath(entry.name)
}

async function* idsOf(pack: ReceivedPack): AsyncGenerator<string> {
  let lines: string[] = []
  for (const { oid } of pack.index.entries()) {
    lines.push(oid)
    if (lines.length < 1000) continue
    yield `${lines.join('\n')}\n`
    lines = []
  }
  if (lines.length > 0) yield `${lines.join('\n')}\n`
}

export function parseListing(line: string): { oid: string; type: string; size: number } {
  const [oid = '', type = '', size = ''] = line.split(' ')
  if (!/^[0-9]+$/.test(size)) throw new Error(`git cat-file --batch-check said ${JSON.stringify(line)}`)
  return { oid, type, size: Number(size) }
}

/** Reads the output of `git cat-file --batch`: a line `<id> <type> <size>`, the content, a newline. A cut object is left out. */
export async function* objectsOf(
  output: AsyncIterable<Uint8Array>,
): AsyncGenerator<{ oid: string; type: string; content: Uint8Array }> {
  let held: Buffer = Buffer.alloc(0)
  let wanted = 0
  let gathered: Buffer[] = []
  let gatheredBytes = 0
  for await (const piece of output) {
    // Large objects are joined once, not with every piece.
    gathered.push(Buffer.from(piece))
    gatheredBytes += piece.length
    if (held.length + gatheredBytes < wanted) continue
    held = Buffer.concat([held, ...gathered])
    gathered = []
    gatheredBytes = 0
    for (;;) {
      const end = held.indexOf(10)
      if (end < 0) break
      const { oid, type, size } = parseListing(held.toString('latin1', 0, end))
      wanted = end + 1 + size + 1
      if (held.length < wanted) break
      yield { oid, type, content: held.subarray(end + 1, end + 1 + size) }
      held = held.subarray(wanted)
      wanted = 0
    }
  }
}
