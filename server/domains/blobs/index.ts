/** Content-addressed bytes: chunks, xorbs, files, uploads, collection. Who refers to a file is an opaque `holder`. */
export type { Blobs } from './blobs.ts'
export type { CheckFinding, CheckReport, DamagedFiles } from './check.ts'
export type { CollectOptions, CollectReport } from './collect.ts'
export { createBlobs } from './create-blobs.ts'
export * from './errors.ts'
export { blobMigrations } from './migrations/index.ts'
export type { StoredFile } from './stored-file.ts'
