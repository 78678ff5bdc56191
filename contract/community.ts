import { z } from 'zod'
import { bytes, time } from './parts.ts'

/** People and what they like and keep: huggingface_hub `hf_api.py:User`, `Organization`, `UserLikes`, `RepoStorageInfo`. */

const account = {
  _id: z.string(),
  fullname: z.string(),
  avatarUrl: z.string(),
}

export const people = z.array(
  z.object({
    ...account,
    user: z.string(),
    name: z.string().optional(),
    isPro: z.boolean().optional(),
    type: z.enum(['user', 'org']),
  }),
)

const counts = {
  numModels: z.number().int(),
  numDatasets: z.number().int(),
  numSpaces: z.number().int(),
  numFollowers: z.number().int(),
  isFollowing: z.boolean().optional(),
}

export const userOverview = z.object({
  ...account,
  ...counts,
  user: z.string(),
  type: z.literal('user'),
  isPro: z.boolean(),
  numLikes: z.number().int(),
  numFollowing: z.number().int(),
  orgs: z.array(z.object({ id: z.string(), name: z.string(), fullname: z.string(), avatarUrl: z.string() })),
})

export const organizationOverview = z.object({
  ...account,
  ...counts,
  name: z.string(),
  type: z.literal('org'),
  isVerified: z.boolean(),
  numUsers: z.number().int(),
})

const repoType = z.enum(['model', 'dataset', 'space', 'kernel'])

export const likedRepos = z.array(
  z.object({ createdAt: time, repo: z.object({ name: z.string(), type: repoType }) }),
)

export const storageList = z.array(
  z.object({
    id: z.string(),
    type: repoType,
    updatedAt: time,
    visibility: z.enum(['public', 'private']),
    storage: bytes,
    /** Of all that the account stores. */
    storagePercent: z.number(),
  }),
)
