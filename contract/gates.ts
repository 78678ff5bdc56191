import { z } from 'zod'
import { time } from './parts.ts'

/** Gates of repositories: huggingface_hub `hf_api.py:AccessRequest`, and what a page needs for asking. */

const status = z.enum(['pending', 'accepted', 'rejected'])

const accessRequest = z.object({
  requestId: z.string(),
  /** Absent when the account is gone; `email` when the user was let in without having asked. */
  user: z
    .object({ _id: z.string(), user: z.string(), fullname: z.string(), email: z.string().optional() })
    .optional(),
  status,
  timestamp: time,
  /** Answers to what the card asks, by the names of its fields. */
  fields: z.record(z.string(), z.union([z.string(), z.literal(true)])).optional(),
  rejectionReason: z.string().optional(),
})

export const accessRequests = z.array(accessRequest)

export const gateForm = z.object({
  gated: z.union([z.literal(false), z.enum(['auto', 'manual'])]),
  heading: z.string().optional(),
  prompt: z.string().optional(),
  description: z.string().optional(),
  button: z.string().optional(),
  fields: z.array(
    z.object({
      name: z.string(),
      type: z.enum(['text', 'checkbox', 'date_picker', 'country', 'select']),
      options: z.array(z.object({ label: z.string(), value: z.string() })).optional(),
    }),
  ),
  /** What the owners get to know of who asks, beside the answers. */
  shares: z.array(z.string()),
  /** The own one. */
  request: accessRequest.nullable(),
})

export const askedAccess = z.object({ status })
