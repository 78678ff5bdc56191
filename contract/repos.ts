import { z } from 'zod'
import { bytes, commitId, sha256, time, xetHash } from './parts.ts'

/** Shapes of repositories, their trees, refs and commits, as the Hugging Face clients read them. */

export const createdRepo = z.object({ url: z.url(), id: z.string(), name: z.string() })

/** `filesCopyPending`: whether files are still on their way; they never are. */
export const duplicatedRepo = createdRepo.extend({ filesCopyPending: z.literal(false) })

export const lfsFiles = z.array(
  z.object({
    /** What names the file where it is deleted: its sha256 once more. */
    fileOid: sha256,
    oid: sha256,
    size: bytes,
    /** When the first commit that refers to it was made, by which path and which ref. */
    pushedAt: time,
    filename: z.string(),
    ref: z.string().nullable(),
  }),
)

export const sharedLfsFiles = z.object({ failed: z.array(z.object({ sha256, error: z.string() })) })

const lastCommit = z.object({ id: commitId, title: z.string(), date: time })

const file = z.object({
  type: z.literal('file'),
  path: z.string(),
  /** Of the content, for LFS files too. */
  size: bytes,
  /** Git blob id; of the pointer for LFS files. */
  oid: commitId,
  lfs: z.object({ oid: sha256, size: bytes, pointerSize: bytes }).optional(),
  xetHash: xetHash.optional(),
  lastCommit: lastCommit.optional(),
})

const folder = z.object({
  type: z.literal('directory'),
  path: z.string(),
  size: z.literal(0),
  oid: commitId,
  lastCommit: lastCommit.optional(),
})

export const treeEntries = z.array(z.discriminatedUnion('type', [file, folder]))

const ref = z.object({ name: z.string(), ref: z.string(), targetCommit: commitId })

export const refs = z.object({
  branches: z.array(ref),
  converts: z.array(ref),
  tags: z.array(ref),
  pullRequests: z.array(ref).optional(),
})

export const commits = z.array(
  z.object({
    id: commitId,
    title: z.string(),
    message: z.string(),
    authors: z.array(z.object({ user: z.string(), avatar: z.string() })),
    date: time,
    formatted: z.object({ title: z.string(), message: z.string() }).optional(),
  }),
)

export const uploadModes = z.object({
  files: z.array(
    z.object({
      path: z.string(),
      uploadMode: z.enum(['lfs', 'regular']),
      shouldIgnore: z.boolean(),
      /** Of what stands there now: git blob id, or sha256 of an LFS file. */
      oid: z.string().nullish(),
    }),
  ),
  commitOid: commitId,
})

export const madeCommit = z.object({
  success: z.literal(true),
  commitOid: commitId,
  commitUrl: z.url(),
  hookOutput: z.string(),
  pullRequestUrl: z.url().optional(),
})

export const cardCheck = z.object({
  errors: z.array(z.object({ message: z.string() })),
  warnings: z.array(z.object({ message: z.string() })),
})

const action = z.object({
  href: z.url(),
  header: z.record(z.string(), z.string()).optional(),
  /** Seconds. */
  expires_in: z.number().int().optional(),
})

/** git-lfs `docs/api/batch.md`, with the multipart and Xet forms of the Hugging Face clients. */
export const lfsBatch = z.object({
  transfer: z.enum(['basic', 'multipart', 'xet']),
  objects: z.array(
    z.object({
      oid: sha256,
      size: bytes,
      authenticated: z.boolean().optional(),
      /** Absent when there is nothing to do. */
      actions: z
        .object({ upload: action.optional(), verify: action.optional(), download: action.optional() })
        .optional(),
      error: z.object({ code: z.number().int(), message: z.string() }).optional(),
    }),
  ),
  hash_algo: z.literal('sha256'),
})

export const xetToken = z.object({
  accessToken: z.string(),
  /** Unix seconds. */
  exp: z.number().int(),
  casUrl: z.url(),
})

export const repoSettings = z.object({
  private: z.boolean(),
  gated: z.union([z.literal(false), z.enum(['auto', 'manual'])]),
})
