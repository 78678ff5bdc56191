import { z } from 'zod'
import { time } from './parts.ts'

/** Collections: huggingface_hub `hf_api.py:Collection`, @huggingface/hub `src/types/api/api-collection.ts`. */

const owner = z.looseObject({
  _id: z.string(),
  name: z.string(),
  fullname: z.string(),
  avatarUrl: z.string(),
  type: z.enum(['user', 'org']),
  followerCount: z.number().int(),
  isUserFollowing: z.boolean(),
})

/** A repository as lists show it, or another collection. */
const item = z.looseObject({
  _id: z.string(),
  id: z.string(),
  type: z.enum(['model', 'dataset', 'space', 'kernel', 'collection']),
  position: z.number().int(),
  note: z.object({ text: z.string(), html: z.string() }).optional(),
})

const listed = z.object({
  slug: z.string(),
  title: z.string(),
  description: z.string().optional(),
  gating: z.literal(false),
  lastUpdated: time,
  owner,
  items: z.array(item),
  theme: z.enum(['orange', 'blue', 'green', 'purple', 'pink', 'indigo']),
  private: z.boolean(),
  upvotes: z.number().int(),
  isUpvotedByUser: z.boolean(),
})

/** At most four items of each. */
export const collections = z.array(listed)

export const collection = listed.extend({ position: z.number().int(), shareUrl: z.url() })

export const changedCollection = z.object({ success: z.literal(true), data: collection })
