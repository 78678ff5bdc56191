import { mkdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { PackIndex } from '../../formats/pack-index.ts'
import { packHeaderLength, parsePackHeader } from '../../formats/packfile.ts'
import { HubError, LimitExceeded } from '../../kernel/errors.ts'
import type { GitMirror, OpenMirror, Scratch } from './git-mirror.ts'
import { defaultLimits, GitFailed, GitTimedOut, gitText, type RunningGit, runGit } from './git-program.ts'

/** A pack that lies in a quarantine, complete and indexed. */
export interface ReceivedPack {
  readonly packId: string
  readonly index: PackIndex
  readonly bytes: number
  /** Local files. */
  readonly pack: string
  readonly idx: string
}

/** The objects of a push cannot be taken. The message is for whoever pushed. */
export class PackRefused extends HubError {}

/** More than the largest histories of the public hub have; the index of so many is 56 MB. */
const objectLimit = 2_000_000
/**
 * What one object that must be held in memory (trees, deltas, no large blob) may take, in MiB. Git holds a delta's base
 * and its result at once. Without a limit, and with one of git's own, a kilobyte of deltas of deltas takes gigabytes.
 */
const objectMebibytes = 64
/** Git's table of all objects has to fit too. */
const tableBytesAnObject = 128
/** Two million objects take git some three minutes; what takes longer is made to. */
const indexCpuSeconds = 15 * 60
/** Larger blobs pass through without being held; they are refused for their size afterwards. */
const passingThrough = ['-c', 'core.bigFileThreshold=16m']
/**
 * What old programs wrote into histories that people still push, and that harms nobody. All else that git's fsck
 * knows refuses the push: `.git` in any spelling, broken links, trees out of order, hostile submodules.
 */
const harmless = [
  'badEmail',
  'badFilemode',
  'badName',
  'badTimezone',
  'missingEmail',
  'missingNameBeforeEmail',
  'missingSpaceBeforeDate',
  'missingSpaceBeforeEmail',
  'zeroPaddedDate',
  'zeroPaddedFilemode',
]

/**
 * Where the objects of a push lie until they have been found to be good: a folder of objects of its own in front of the
 * mirror's, as in git's own `receive-pack` (tmp-objdir.c). Nothing of it can be seen from outside.
 */
export class Quarantine {
  readonly #mirror: OpenMirror
  readonly #home: string
  readonly #scratch: Scratch

  private constructor(mirror: OpenMirror, home: string, scratch: Scratch) {
    this.#mirror = mirror
    this.#home = home
    this.#scratch = scratch
  }

  /** `mirror` must stay open until the quarantine is closed. */
  static async open(mirrors: GitMirror, mirror: OpenMirror): Promise<Quarantine> {
    const scratch = await mirrors.scratch()
    await mkdir(join(scratch.path, 'pack'))
    await mkdir(join(scratch.path, 'info'))
    await writeFile(join(scratch.path, 'info', 'alternates'), `${join(mirror.path, 'objects')}\n`)
    return new Quarantine(mirror, mirrors.folder, scratch)
  }

  /** Removes all that is in it. */
  async close(): Promise<void> {
    await this.#scratch.remove()
  }

  /** Runs a git command that sees the refs of the mirror, and the objects of both. */
  run(args: readonly string[], input?: AsyncIterable<Uint8Array | string>): RunningGit {
    return runGit(this.#command(args, input))
  }

  /**
   * Takes a pack, thin or not, and returns it complete; undefined when it has no objects. When it resolves, every object
   * of the pack is whole and everything that it refers to is there, in the pack or in the mirror. Reads `bytes` to their
   * end unless they are refused by their first few. Throws PackRefused, also when `bytes` reject with a HubError.
   */
  async receive(bytes: AsyncIterable<Uint8Array>): Promise<ReceivedPack | undefined> {
    try {
      return await this.#receive(bytes)
    } catch (error) {
      throw error instanceof HubError ? new PackRefused(error.message) : error
    }
  }

  async #receive(bytes: AsyncIterable<Uint8Array>): Promise<ReceivedPack | undefined> {
    const { head, whole } = await peek(bytes, packHeaderLength)
    const count = parsePackHeader(head)
    if (count > objectLimit) throw new LimitExceeded('one push', objectLimit, 'objects', count)
    if (count === 0) return undefined
    const packId = await this.#indexPack(whole, count)
    const pack = join(this.#scratch.path, 'pack', `pack-${packId}.pack`)
    const idx = join(this.#scratch.path, 'pack', `pack-${packId}.idx`)
    const { size } = await stat(pack)
    return { packId, index: new PackIndex(await readFile(idx)), bytes: size, pack, idx }
  }

  async #indexPack(bytes: AsyncIterable<Uint8Array>, count: number): Promise<string> {
    const severities = harmless.map(id => `${id}=ignore`).join(',')
    const args = [...passingThrough, 'index-pack', '--stdin', '--fix-thin', `--strict=${severities}`]
    const mebibytes = Math.max(objectMebibytes, Math.ceil((count * tableBytesAnObject) / 1024 ** 2))
    try {
      const command = this.#command(args, bytes, { GIT_ALLOC_LIMIT: `${mebibytes}m` })
      const said = await gitText({ ...command, limits: { ...defaultLimits, cpuSeconds: indexCpuSeconds } })
      const packId = /^(?:pack|keep)\t([0-9a-f]{40})$/m.exec(said)?.[1]
      if (!packId) throw new Error(`git index-pack said ${JSON.stringify(said.slice(0, 200))}`)
      return packId
    } catch (error) {
      if (error instanceof GitFailed && error.code === undefined)
        throw new PackRefused(this.#reasonIn(error.stderr))
      if (error instanceof GitTimedOut) throw new PackRefused(error.message)
      throw error
    }
  }

  /** The first thing that git complained of, without our paths. */
  #reasonIn(stderr: string): string {
    const lines = stderr.split('\n').filter(line => /^(?:error|fatal): /.test(line))
    const reason = lines[0]?.replace(/^(?:error|fatal): /, '') ?? 'git index-pack failed'
    const [, size] = /^attempting to allocate (\d+) over limit/.exec(reason) ?? []
    if (size !== undefined) {
      const mebibytes = Math.ceil(Number(size) / 1024 ** 2)
      return `an object of ${mebibytes} MiB is over limit; files of more than 10 MiB go by git-lfs: https://git-lfs.com`
    }
    return reason.replaceAll(this.#home, '…')
  }

  #command(
    args: readonly string[],
    input: AsyncIterable<Uint8Array | string> | undefined,
    env: Record<string, string> = {},
  ) {
    return {
      args: [`--git-dir=${this.#mirror.path}`, ...args],
      home: this.#home,
      env: { ...env, GIT_OBJECT_DIRECTORY: this.#scratch.path },
      ...(input && { input }),
    }
  }
}

/** The first `length` bytes, or fewer at the end, and all of the bytes once more. */
async function peek(
  bytes: AsyncIterable<Uint8Array>,
  length: number,
): Promise<{ head: Uint8Array; whole: AsyncIterable<Uint8Array> }> {
  const source = bytes[Symbol.asyncIterator]()
  const pieces: Uint8Array[] = []
  let found = 0
  while (found < length) {
    const { done, value } = await source.next()
    if (done) break
    pieces.push(value)
    found += value.length
  }
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield* pieces
    yield* { [Symbol.asyncIterator]: () => source }
  }
  return { head: Buffer.concat(pieces).subarray(0, length), whole: whole() }
}
