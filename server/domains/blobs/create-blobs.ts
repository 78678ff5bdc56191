import type { Blobs } from './blobs.ts'
import { BlockMemory } from './block-memory.ts'
import { admitCas, issueToken } from './cas-token.ts'
import { checkBlobs } from './check.ts'
import { collect } from './collect.ts'
import { Damage } from './damage.ts'
import { DigestThreads } from './digest-threads.ts'
import { FileTermsCache } from './file-terms.ts'
import { FramePool } from './frame-pool.ts'
import {
  adoptFiles,
  describeFiles,
  fileLookup,
  findReadable,
  holdFiles,
  listCommitted,
  proveFiles,
  releaseFiles,
  releaseHolder,
  shareFiles,
  sharePage,
  takeFiles,
} from './hold-files.ts'
import { ingestFile } from './ingest-file.ts'
import { blobJobs } from './jobs.ts'
import type { BlobParts } from './parts.ts'
import { PieceMemory } from './piece-memory.ts'
import { openFile } from './read-file.ts'
import { casRoutes } from './routes.ts'
import { committedAt, findDamagedFiles, heldBytes } from './store-files.ts'
import { beginMultipart, completeMultipart, putPart } from './upload-parts.ts'
import { XorbIndexes } from './xorb-objects.ts'

export type BlobsSetup = Pick<
  BlobParts,
  'database' | 'objects' | 'emit' | 'signer' | 'clock' | 'reachable' | 'stillHolds'
>

/** Memory for indexes of xorbs (40 bytes a chunk, so about those of 100 GB of content) and for terms of files. */
const indexCacheBytes = 64 * 1024 * 1024
const termsCacheBytes = 32 * 1024 * 1024

export function createBlobs(setup: BlobsSetup): Blobs {
  const { database, objects } = setup
  const frames = new FramePool()
  const damage = new Damage({ ...setup, frames })
  const parts: BlobParts = {
    ...setup,
    frames,
    damage,
    digests: new DigestThreads(),
    indexes: new XorbIndexes(objects, indexCacheBytes, (...thrown) => damage.suspect(...thrown)),
    terms: new FileTermsCache(database, termsCacheBytes),
    memory: new PieceMemory(),
    blocks: new BlockMemory(),
  }
  return {
    describe: (holder, sha256s) => describeFiles(database.sql, holder, sha256s),
    find: fileLookup(database),
    heldBytes: holder => heldBytes(database.sql, holder),
    read: (file, range) => openFile(parts, file, range),
    ingest: (holder, source, announced) => ingestFile(parts, holder, source, announced),
    beginMultipart: (holder, sha256, size) => beginMultipart(parts, holder, sha256, size),
    putPart: (id, number, source) => putPart(parts, id, number, source),
    completeMultipart: id => completeMultipart(parts, id),
    hold: (tx, holder, sha256s) => holdFiles(parts, tx, holder, sha256s),
    prove: (holder, sha256s) => proveFiles(parts, holder, sha256s),
    take: (tx, files) => takeFiles(parts, tx, files),
    share: (tx, files) => shareFiles(parts, tx, files),
    sharePage,
    committed: (holder, last, limit) => listCommitted(database.sql, holder, last, limit),
    committedAt: (holder, sha256s) => committedAt(database.sql, holder, sha256s),
    release: releaseFiles,
    releaseHolder,
    findDamaged: fileHashes => findDamagedFiles(database.sql, fileHashes),
    findReadable: (subject, sha256s) => findReadable(parts, subject, sha256s),
    adopt: (subject, holder, sha256s) => adoptFiles(parts, subject, holder, sha256s),
    issueToken: claims => issueToken(parts, claims),
    admitCas: (scope, authorization) => admitCas(parts, scope, authorization),
    collect: options => collect(parts, options),
    check: (options, report) => checkBlobs(parts, options, report),
    routes: casRoutes(parts),
    jobs: blobJobs(parts),
    async close() {
      await Promise.all([parts.frames.close(), parts.digests.close()])
    },
  }
}
