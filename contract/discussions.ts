import { z } from 'zod'
import { commitId, time } from './parts.ts'

/** Discussions and pull requests: huggingface_hub `hf_api.py:get_discussion_details`, `community.py:deserialize_event`. */

/** Absent when the account is gone. */
const author = z
  .object({ name: z.string(), fullname: z.string(), type: z.string(), _id: z.string().optional() })
  .optional()

const event = <Type extends string>(type: Type, data: z.ZodType) =>
  z.object({ id: z.string(), type: z.literal(type), createdAt: time, author, data })

/** What a comment says, or said before. */
const version = z.object({ raw: z.string(), html: z.string(), updatedAt: time, author })

const comment = event(
  'comment',
  z.object({
    edited: z.boolean(),
    /** For good: `raw` is empty. */
    hidden: z.boolean(),
    hiddenBy: author,
    latest: version,
    numEdits: z.number().int(),
    /** Oldest first. */
    history: z.array(version),
  }),
)
const status = z.enum(['draft', 'open', 'closed', 'merged'])
const statusChange = event('status-change', z.object({ status }))
const titleChange = event('title-change', z.object({ from: z.string(), to: z.string() }))
const commit = event('commit', z.object({ subject: z.string(), oid: commitId }))

const discussion = z.object({
  num: z.number().int(),
  title: z.string(),
  author,
  createdAt: time,
  status,
  isPullRequest: z.boolean(),
  /** All events, comments among them. */
  numEvents: z.number().int(),
  repo: z.object({ name: z.string(), type: z.string() }),
})

export const discussions = z.object({
  discussions: z.array(discussion),
  /** On all pages. */
  count: z.number().int(),
  /** Of this page. */
  start: z.number().int(),
})

export const discussionDetails = discussion.extend({
  events: z.array(z.discriminatedUnion('type', [comment, statusChange, titleChange, commit])),
  /** Of a pull request, here and below. */
  changes: z.object({ base: z.string(), mergeCommitId: commitId.optional() }).optional(),
  /** True: there are some, which cannot be told. */
  filesWithConflicts: z.union([z.array(z.string()), z.literal(true)]).optional(),
  /** As `git diff` writes it. */
  diff: z.string().optional(),
})

export const openedDiscussion = z.object({ num: z.number().int(), url: z.url() })
export const newMessage = z.object({ newMessage: comment })
export const updatedComment = z.object({ updatedComment: comment })
export const newTitle = z.object({ newTitle: titleChange })
export const newStatus = z.object({ newStatus: statusChange })
