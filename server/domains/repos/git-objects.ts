import { LRUCache } from 'lru-cache'
import { type Commit, type ObjectType, objectId, parseCommit, parseTag } from '../../formats/git-object.ts'
import { Tree } from '../../formats/git-tree.ts'
import { LFS_POINTER_LIMIT, type LfsPointer, parseLfsPointer } from '../../formats/lfs-pointer.ts'
import { PackIndex } from '../../formats/pack-index.ts'
import {
  applyDelta,
  inflatedId,
  inflateEntry,
  maxEntryHeaderLength,
  parsePackEntryHeader,
} from '../../formats/packfile.ts'
import { LimitExceeded, MalformedInput } from '../../kernel/errors.ts'
import type { Database } from '../../ports/database.ts'
import { ObjectMissing, type ObjectStore } from '../../ports/objects.ts'
import { GitObjectMissing, PackDamaged } from './errors.ts'
import { packKey } from './packs.ts'
import { type Pack, packsOf } from './store.ts'

export interface GitObject {
  readonly type: ObjectType
  readonly content: Uint8Array
}

/** What a listing says of a blob. */
export interface BlobFacts {
  readonly size: number
  /** Set when the blob is the pointer of an LFS object. */
  readonly lfs?: LfsPointer
}

/** No object that the hub reads whole may be larger; pushes are held to less. */
const objectLimit = 64 * 1024 * 1024
/** Deltas on deltas; git itself makes at most 50 (4095 when it is told to). All of one object are in memory at once. */
const deltaDepthLimit = 4096
const deltaBytesLimit = 128 * 1024 * 1024

const mebibyte = 1024 * 1024
/** What a key and its place in a cache take, about. */
const keyBytes = 250

/**
 * Reads git objects out of a repository's packs, straight from the object store. Objects never change, so everything
 * read is kept in memory up to a limit; the list of packs is read again when an object is not found in the known ones.
 * What is read is hashed and must have the id by which it was asked for: PackDamaged says which pack is not as it was
 * stored, and what is in others is read on.
 */
export class GitObjects {
  readonly #database: Database
  readonly #objects: ObjectStore
  readonly #packs = new LRUCache<string, readonly Pack[]>({
    maxSize: 8 * mebibyte,
    sizeCalculation: packs => (packs.length + 1) * keyBytes,
  })
  readonly #indexes = new LRUCache<string, PackIndex, { bytes: number }>({ maxSize: 64 * mebibyte })
  readonly #trees = new LRUCache<string, Tree>({
    maxSize: 16 * mebibyte,
    sizeCalculation: tree => tree.byteLength + keyBytes,
  })
  readonly #commits = new LRUCache<string, Commit>({
    maxSize: 16 * mebibyte,
    sizeCalculation: bytesOfCommit,
  })
  readonly #facts = new LRUCache<string, BlobFacts>({
    maxSize: 8 * mebibyte,
    sizeCalculation: facts => (facts.lfs ? 2 : 1) * keyBytes,
  })
  readonly #blobs = new LRUCache<string, GitObject>({
    maxSize: 8 * mebibyte,
    maxEntrySize: mebibyte,
    sizeCalculation: object => object.content.length + keyBytes,
  })
  /**
   * What deltas were applied to and what came of it, by place in a pack: the next version of a folder is most likely a
   * delta to this one.
   */
  readonly #bases = new LRUCache<string, GitObject>({
    maxSize: 16 * mebibyte,
    maxEntrySize: 8 * mebibyte,
    sizeCalculation: object => object.content.length + keyBytes,
  })

  constructor(parts: { database: Database; objects: ObjectStore }) {
    this.#database = parts.database
    this.#objects = parts.objects
  }

  /** Throws GitObjectMissing or PackDamaged. */
  async read(repoId: string, oid: string): Promise<GitObject> {
    const key = `${repoId}/${oid}`
    const known = this.#blobs.get(key)
    if (known) return known
    const object = await this.#readFresh(repoId, oid)
    if (!object) throw new GitObjectMissing(repoId, oid)
    this.#blobs.set(key, object)
    return object
  }

  async tree(repoId: string, oid: string): Promise<Tree> {
    const key = `${repoId}/${oid}`
    const known = this.#trees.get(key)
    if (known) return known
    const tree = new Tree(await this.#content(repoId, oid, 'tree'))
    this.#trees.set(key, tree)
    return tree
  }

  async commit(repoId: string, oid: string): Promise<Commit> {
    const key = `${repoId}/${oid}`
    const known = this.#commits.get(key)
    if (known) return known
    const commit = parseCommit(await this.#content(repoId, oid, 'commit'))
    this.#commits.set(key, commit)
    return commit
  }

  async isCommit(repoId: string, oid: string): Promise<boolean> {
    if (this.#commits.has(`${repoId}/${oid}`)) return true
    const object = await this.#readFresh(repoId, oid)
    return object?.type === 'commit'
  }

  /** The one commit whose id starts so; undefined when there is none, or more than one. */
  async commitByPrefix(repoId: string, prefix: string): Promise<string | undefined> {
    const oids = new Set<string>()
    for (const pack of await this.#freshPacks(repoId)) {
      for (const oid of (await this.#index(repoId, pack)).startingWith(prefix)) oids.add(oid)
    }
    const commits = []
    for (const oid of oids) if (await this.isCommit(repoId, oid)) commits.push(oid)
    return commits.length === 1 ? commits[0] : undefined
  }

  /** The commit behind an object: itself, or what an annotated tag names. Undefined for anything else. */
  async peel(repoId: string, oid: string): Promise<string | undefined> {
    for (let id = oid, depth = 0; depth < 10; depth++) {
      const object = await this.#readFresh(repoId, id)
      if (object?.type === 'commit') return id
      if (object?.type !== 'tag') return undefined
      id = parseTag(object.content).object
    }
    return undefined
  }

  /**
   * Size and LFS pointer of many blobs at once, each proven by its id: neighbours in a pack are read together, and large
   * blobs pass through piece by piece, the first time that somebody asks.
   */
  async blobFacts(repoId: string, oids: readonly string[]): Promise<Map<string, BlobFacts>> {
    const facts = new Map<string, BlobFacts>()
    const unknown = new Set<string>()
    for (const oid of oids) {
      const known = this.#facts.get(`${repoId}/${oid}`)
      if (known) facts.set(oid, known)
      else unknown.add(oid)
    }
    await this.#fromKnownPacks(repoId, () => this.#readFacts(repoId, unknown, facts))
    return facts
  }

  async #readFacts(repoId: string, oids: Iterable<string>, facts: Map<string, BlobFacts>): Promise<void> {
    const byPack = new Map<Pack, Located[]>()
    for (const oid of oids) {
      const place = await this.#locate(repoId, oid)
      if (!place) throw new GitObjectMissing(repoId, oid)
      const located = byPack.get(place.pack) ?? []
      located.push({ oid, ...place })
      byPack.set(place.pack, located)
    }
    for (const [pack, located] of byPack) {
      const key = packKey(repoId, pack.packId, 'pack')
      for (const run of runsOf(located)) {
        const bytes = await this.#objects.read(key, run.start, run.end)
        for (const place of run.entries) {
          const entry = bytes.subarray(place.offset - run.start)
          const fact = await this.#factFrom(repoId, key, place, entry).catch(error => {
            throw damageOf(key, error)
          })
          facts.set(place.oid, fact)
          this.#facts.set(`${repoId}/${place.oid}`, fact)
        }
      }
    }
  }

  async #factFrom(repoId: string, key: string, place: Located, bytes: Uint8Array): Promise<BlobFacts> {
    const { header, length } = parsePackEntryHeader(bytes)
    if (header.type === 'ofs-delta' || header.type === 'ref-delta') {
      return factsOf((await this.read(repoId, place.oid)).content)
    }
    if (place.end - place.offset > wholeEntryLimit || header.size > inflatedLimit) {
      const range = { start: place.offset + length, end: place.end }
      const found = await inflatedId(this.#objects.stream(key, range), header)
      if (found !== place.oid) throw new MalformedInput(`git object ${place.oid}`, `hashes to ${found}`)
      return { size: header.size }
    }
    const deflated = bytes.subarray(length, place.end - place.offset)
    const { content } = await inflateEntry(deflated, header.size, inflatedLimit)
    checkId(place.oid, header.type, content)
    return factsOf(content)
  }

  async #content(repoId: string, oid: string, type: ObjectType): Promise<Uint8Array> {
    const object = await this.#readFresh(repoId, oid)
    if (!object) throw new GitObjectMissing(repoId, oid)
    if (object.type !== type)
      throw new MalformedInput(`git object ${oid}`, `is a ${object.type}, not a ${type}`)
    return object.content
  }

  #readFresh(repoId: string, oid: string): Promise<GitObject | undefined> {
    return this.#fromKnownPacks(repoId, async () => {
      const place = await this.#locate(repoId, oid)
      if (!place) return undefined
      const key = packKey(repoId, place.pack.packId, 'pack')
      try {
        const object = await this.#readAt(key, place)
        checkId(oid, object.type, object.content)
        return object
      } catch (error) {
        throw damageOf(key, error)
      }
    })
  }

  /** Reads again from a fresh list when a pack is gone: merged into another one and collected since. */
  async #fromKnownPacks<T>(repoId: string, read: () => Promise<T>): Promise<T> {
    try {
      return await read()
    } catch (error) {
      if (!(error instanceof ObjectMissing)) throw error
      this.#packs.delete(repoId)
      return read()
    }
  }

  async #readAt(key: string, place: Place): Promise<GitObject> {
    const deltas: { offset: number; delta: Uint8Array }[] = []
    let deltaBytes = 0
    let { offset, end } = place
    let object = this.#bases.get(`${key}:${offset}`)
    while (!object) {
      const bytes = await this.#objects.read(key, offset, end)
      const { header, length } = parsePackEntryHeader(bytes)
      const { content } = await inflateEntry(bytes.subarray(length), header.size, objectLimit)
      if (header.type !== 'ofs-delta' && header.type !== 'ref-delta') {
        object = { type: header.type, content }
        if (deltas.length > 0) this.#bases.set(`${key}:${offset}`, object)
        break
      }
      deltas.push({ offset, delta: content })
      deltaBytes += content.length
      if (deltas.length > deltaDepthLimit || deltaBytes > deltaBytesLimit)
        throw new MalformedInput(key, `deltas at byte ${place.offset} do not end`)
      const base = header.type === 'ofs-delta' ? offset - header.distance : place.index.find(header.base)
      if (base === undefined)
        throw new MalformedInput(key, `the base of the delta at byte ${offset} is not in the pack`)
      offset = base
      end = place.index.endOf(offset, place.pack.bytes)
      object = this.#bases.get(`${key}:${offset}`)
    }
    for (const { offset, delta } of deltas.reverse()) {
      object = { type: object.type, content: applyDelta(object.content, delta, objectLimit) }
      this.#bases.set(`${key}:${offset}`, object)
    }
    return object
  }

  async #locate(repoId: string, oid: string): Promise<Place | undefined> {
    const known = this.#packs.get(repoId)
    return (
      (known && (await this.#locateIn(repoId, oid, known))) ??
      this.#locateIn(repoId, oid, await this.#freshPacks(repoId))
    )
  }

  async #locateIn(repoId: string, oid: string, packs: readonly Pack[]): Promise<Place | undefined> {
    let fault: unknown
    // Newest first: that is where the objects of the head commit are.
    for (let at = packs.length - 1; at >= 0; at--) {
      const pack = packs[at] as Pack
      try {
        const place = await this.#placeIn(repoId, oid, pack)
        if (place) return place
      } catch (error) {
        if (!(error instanceof PackDamaged || error instanceof ObjectMissing)) throw error
        fault ??= error
      }
    }
    // It may be in the pack that cannot be looked into.
    if (fault) throw fault
    return undefined
  }

  async #placeIn(repoId: string, oid: string, pack: Pack): Promise<Place | undefined> {
    const index = await this.#index(repoId, pack)
    try {
      const offset = index.find(oid)
      return offset === undefined ? undefined : { pack, index, offset, end: index.endOf(offset, pack.bytes) }
    } catch (error) {
      throw damageOf(packKey(repoId, pack.packId, 'idx'), error)
    }
  }

  async #freshPacks(repoId: string): Promise<readonly Pack[]> {
    const packs = await packsOf(this.#database.sql, repoId)
    this.#packs.set(repoId, packs)
    return packs
  }

  async #index(repoId: string, pack: Pack): Promise<PackIndex> {
    const key = packKey(repoId, pack.packId, 'idx')
    const known = this.#indexes.get(key)
    if (known) return known
    const size = await this.#objects.size(key)
    if (size === undefined) throw new ObjectMissing(key)
    const bytes = await this.#objects.read(key, 0, size)
    const index = openIndex(key, bytes)
    this.#indexes.set(key, index, { size: size + index.count * 8 })
    return index
  }
}

/** A pack was good when it was stored: what is wrong with it now is no fault of who asks. */
function damageOf(key: string, error: unknown): unknown {
  const isFormat = error instanceof MalformedInput || error instanceof LimitExceeded
  return isFormat ? new PackDamaged(key, error.message) : error
}

function openIndex(key: string, bytes: Uint8Array): PackIndex {
  try {
    return new PackIndex(bytes)
  } catch (error) {
    throw damageOf(key, error)
  }
}

function checkId(oid: string, type: ObjectType, content: Uint8Array): void {
  const found = objectId(type, content)
  if (found !== oid) throw new MalformedInput(`git object ${oid}`, `hashes to ${found}`)
}

/** What it takes in memory, about. */
function bytesOfCommit({ message, parents, author, committer }: Commit): number {
  const names = [author, committer].reduce((sum, { name, email }) => sum + name.length + email.length, 0)
  return message.length + names + (parents.length + 2) * keyBytes
}

interface Place {
  readonly pack: Pack
  readonly index: PackIndex
  readonly offset: number
  readonly end: number
}

interface Located extends Place {
  readonly oid: string
}

function factsOf(content: Uint8Array): BlobFacts {
  const lfs = content.length < LFS_POINTER_LIMIT ? parseLfsPointer(content) : undefined
  return { size: content.length, ...(lfs && { lfs }) }
}

/** An entry that is longer, or inflates to more, is no pointer and is not held whole. */
const wholeEntryLimit = 64 * 1024
const inflatedLimit = mebibyte
const gapLimit = 4096
/** The entries of one run are inflated without a pause. */
const runLimit = 256 * 1024

/** Groups entries of one pack into ranges that are worth one read. */
function runsOf(located: Located[]): { start: number; end: number; entries: Located[] }[] {
  const runs: { start: number; end: number; entries: Located[] }[] = []
  for (const place of located.sort((a, b) => a.offset - b.offset)) {
    const isLong = place.end - place.offset > wholeEntryLimit
    const end = isLong ? place.offset + maxEntryHeaderLength : place.end
    const run = runs.at(-1)
    if (run && place.offset - run.end <= gapLimit && end - run.start <= runLimit) {
      run.end = end
      run.entries.push(place)
    } else {
      runs.push({ start: place.offset, end, entries: [place] })
    }
  }
  return runs
}
