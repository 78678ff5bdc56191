import { randomBytes } from 'node:crypto'
import {
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { defaultBranch, type Repository } from '../../kernel/repository.ts'
import type { Database } from '../../ports/database.ts'
import { ObjectMissing, type ObjectStore } from '../../ports/objects.ts'
import { requireGit } from './git-program.ts'
import { MirrorSizes } from './mirror-sizes.ts'
import { packKey } from './packs.ts'
import { allRefs, type Pack, packsOf, type Ref } from './store.ts'
import { Turns } from './turns.ts'

/** A bare repository that is as SQL is, for as long as it is not released. */
export interface OpenMirror {
  readonly path: string
  /** The refs that it was brought up to, in order of their names. */
  readonly refs: readonly Ref[]
  /** Its packs; git may find others there too, that were merged into these. */
  readonly packs: readonly Pack[]
  /** To be called once, when no git program reads it any more. */
  release(): void
}

/** An empty folder for one piece of work. */
export interface Scratch {
  readonly path: string
  remove(): Promise<void>
}

const parallelCopies = 8
/** After so long no git runs any more in a mirror that another process has opened. */
const elsewhereMs = 3600_000
const staleScratchMs = 24 * 3600_000

/**
 * Local bare repositories for the git program, brought up to date from SQL each time one is opened:
 *
 *     <folder>/<repo id>.git/packed-refs          the refs of SQL
 *     <folder>/<repo id>.git/objects/pack/        the packs of SQL: hard links where the store is on the same disk
 *     <folder>/scratch/                           pushes and merges under way; leftovers of a crash go away a day later
 *
 * A cache: everything may be deleted at any time, git that runs in it then fails and the next request builds it anew.
 * When the mirrors take more of the disk than `limit` bytes, those that nobody has opened for longest go; not one that is open
 * here, nor one that another process has opened within the last hour. A hard link to an object that the store still has
 * takes nothing.
 */
export class GitMirror {
  /** Exists once a mirror or a scratch has been opened. */
  readonly folder: string
  readonly #database: Database
  readonly #objects: ObjectStore
  readonly #turns = new Turns()
  readonly #users = new Map<string, number>()
  readonly #sizes: MirrorSizes
  /** When this process has opened each. */
  readonly #opened = new Map<string, number>()
  #isScanned = false
  #sweep: Promise<void> | undefined

  constructor(parts: { database: Database; objects: ObjectStore; folder: string; limit?: number }) {
    this.#database = parts.database
    this.#objects = parts.objects
    this.folder = resolve(parts.folder)
    this.#sizes = new MirrorSizes(parts.limit ?? Number.POSITIVE_INFINITY)
  }

  /** Throws an Error that says so when git is missing or too old. */
  async open(repo: Pick<Repository, 'id'>): Promise<OpenMirror> {
    await requireGit()
    const path = this.#pathOf(repo.id)
    const state = await this.#turns.take(repo.id, async () => {
      const refreshed = await this.#refresh(repo.id, path)
      this.#users.set(repo.id, (this.#users.get(repo.id) ?? 0) + 1)
      this.#sizes.touch(repo.id)
      const now = Date.now()
      this.#opened.set(repo.id, now)
      await utimes(path, now / 1000, now / 1000)
      return refreshed
    })
    const release = () => {
      const others = (this.#users.get(repo.id) ?? 1) - 1
      if (others > 0) this.#users.set(repo.id, others)
      else this.#users.delete(repo.id)
      // Beside the request. What it could not remove, the next one finds.
      this.#turns.take('limit', () => this.#keepLimit(repo.id)).catch(() => {})
    }
    return { path, ...state, release }
  }

  /** Removes the repository's folder. Git that runs in it fails. */
  async forget(repoId: string): Promise<void> {
    await this.#turns.take(repoId, () => this.#remove(repoId))
  }

  async #remove(repoId: string): Promise<void> {
    const scratch = await this.scratch()
    await rename(this.#pathOf(repoId), join(scratch.path, 'gone')).catch(unlessMissing)
    this.#sizes.delete(repoId)
    this.#opened.delete(repoId)
    await scratch.remove()
  }

  /** Measures a mirror that was used, and lets others go while there are too many. */
  async #keepLimit(used: string): Promise<void> {
    if (!this.#isScanned) await this.#scan()
    this.#isScanned = true
    const isThere = await stat(this.#pathOf(used)).catch(unlessMissing)
    if (isThere) this.#sizes.set(used, await bytesAlone(this.#pathOf(used)))
    for (const id of this.#sizes.ids()) {
      if (!this.#sizes.isOver) return
      await this.#turns.take(id, () => this.#evict(id))
    }
  }

  /** In a turn of the repository, so that nobody is opening it. */
  async #evict(id: string): Promise<void> {
    if (this.#users.has(id)) return
    const found = await stat(this.#pathOf(id)).catch(unlessMissing)
    const isElsewhere = found && found.mtimeMs > (this.#opened.get(id) ?? 0) + 1000
    if (isElsewhere && Date.now() - found.mtimeMs < elsewhereMs) return
    await this.#remove(id)
  }

  /** Mirrors that were there before this process, in the order in which they were opened. */
  async #scan(): Promise<void> {
    const found: { id: string; openedAt: number; bytes: number }[] = []
    for (const name of await readdir(this.folder)) {
      const id = /^(\w+)\.git$/.exec(name)?.[1]
      const folder = id && (await stat(join(this.folder, name)).catch(unlessMissing))
      if (!id || !folder) continue
      found.push({ id, openedAt: folder.mtimeMs, bytes: await bytesAlone(join(this.folder, name)) })
    }
    const known = this.#sizes.ids()
    for (const { id, bytes } of found.sort((a, b) => a.openedAt - b.openedAt)) this.#sizes.set(id, bytes)
    // What was opened here meanwhile was used last.
    for (const id of known) this.#sizes.touch(id)
  }

  async scratch(): Promise<Scratch> {
    const folder = join(this.folder, 'scratch')
    await mkdir(folder, { recursive: true, mode: 0o700 })
    this.#sweep ??= removeOld(folder)
    await this.#sweep
    const path = await mkdtemp(join(folder, 'work-'))
    return { path, remove: () => rm(path, { recursive: true, force: true }) }
  }

  #pathOf(repoId: string): string {
    return join(this.folder, `${repoId}.git`)
  }

  async #refresh(repoId: string, path: string): Promise<Pick<OpenMirror, 'refs' | 'packs'>> {
    const packFolder = join(path, 'objects', 'pack')
    await mkdir(packFolder, { recursive: true, mode: 0o700 })
    await mkdir(join(path, 'refs'), { recursive: true })
    // Refs first: the packs that are there later hold all that these refs need.
    const refs = await allRefs(this.#database.sql, repoId)
    const packs = await this.#bringPacks(repoId, packFolder)
    await writeWhenOther(join(path, 'packed-refs'), packedRefs(refs))
    await writeWhenOther(join(path, 'config'), config)
    await writeWhenOther(join(path, 'HEAD'), `ref: refs/heads/${defaultBranch}\n`)
    // Git that runs still may have chosen a merged pack to read from; it stays until nobody is there.
    if (!this.#users.has(repoId)) await removeOtherPacks(packFolder, packs)
    return { refs, packs }
  }

  async #bringPacks(repoId: string, packFolder: string): Promise<readonly Pack[]> {
    try {
      return await this.#bringListedPacks(repoId, packFolder)
    } catch (error) {
      // Merged into another one and collected since the list was read.
      if (!(error instanceof ObjectMissing)) throw error
      return await this.#bringListedPacks(repoId, packFolder)
    }
  }

  async #bringListedPacks(repoId: string, packFolder: string): Promise<readonly Pack[]> {
    const packs = await packsOf(this.#database.sql, repoId)
    const present = new Set(await readdir(packFolder))
    const missing = packs.filter(
      ({ packId }) => !present.has(`pack-${packId}.idx`) || !present.has(`pack-${packId}.pack`),
    )
    for (let at = 0; at < missing.length; at += parallelCopies) {
      await Promise.all(
        missing.slice(at, at + parallelCopies).map(async ({ packId }) => {
          // In this order, because git takes a pack for there when it sees the idx.
          for (const part of ['pack', 'idx'] as const) {
            await this.#objects.materialise(
              packKey(repoId, packId, part),
              join(packFolder, `pack-${packId}.${part}`),
            )
          }
        }),
      )
    }
    return packs
  }
}

/**
 * Written into each mirror. Any object may be asked for by its id: a fetch may come after the ref that it was told of
 * has moved, and a partial clone asks for single blobs. Memory is bounded for what people send (`bigFileThreshold`:
 * larger blobs are streamed) and for what is packed for them. Nothing here needs to survive a power cut.
 */
const config = `[core]
	repositoryformatversion = 0
	bare = true
	bigFileThreshold = 16m
	fsync = none
[uploadpack]
	allowFilter = true
	allowAnySHA1InWant = true
[uploadpackfilter "sparse:oid"]
	allow = false
[gc]
	auto = 0
[pack]
	threads = 1
	windowMemory = 64m
`

/** gitformat: packed-refs as git itself writes it, with the commit behind each annotated tag. */
function packedRefs(refs: readonly Ref[]): string {
  const lines = ['# pack-refs with: peeled fully-peeled sorted \n']
  for (const { name, oid, commitId } of refs) {
    lines.push(`${oid} ${name}\n`)
    if (commitId !== oid) lines.push(`^${commitId}\n`)
  }
  return lines.join('')
}

/** What would be free if the folder were removed: names of files that have another one elsewhere take nothing. */
async function bytesAlone(folder: string): Promise<number> {
  let sum = 0
  for (const entry of (await readdir(folder, { recursive: true, withFileTypes: true }).catch(
    unlessMissing,
  )) ?? []) {
    if (!entry.isFile()) continue
    const found = await stat(join(entry.parentPath, entry.name)).catch(unlessMissing)
    if (found && found.nlink === 1) sum += found.size
  }
  return sum
}

async function writeWhenOther(path: string, text: string): Promise<void> {
  const present = await readFile(path, 'utf8').catch(unlessMissing)
  if (present === text) return
  const temp = `${path}.${randomBytes(6).toString('hex')}`
  await writeFile(temp, text, { flag: 'wx' })
  await rename(temp, path)
}

async function removeOtherPacks(packFolder: string, packs: readonly Pack[]): Promise<void> {
  const wanted = new Set(packs.map(pack => pack.packId))
  const found = await readdir(packFolder)
  // The idx first, so that git never sees one without its pack.
  for (const name of found.sort((a, b) => Number(b.endsWith('.idx')) - Number(a.endsWith('.idx')))) {
    const packId = /^pack-([0-9a-f]{40})\.[a-z]+$/.exec(name)?.[1]
    if (packId && !wanted.has(packId)) await unlink(join(packFolder, name)).catch(unlessMissing)
  }
}

async function removeOld(folder: string): Promise<void> {
  const tooOld = Date.now() - staleScratchMs
  for (const name of await readdir(folder)) {
    const path = join(folder, name)
    const found = await stat(path).catch(unlessMissing)
    if (found && found.mtimeMs < tooOld) await rm(path, { recursive: true, force: true })
  }
}

function unlessMissing(error: unknown): undefined {
  if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error
}
