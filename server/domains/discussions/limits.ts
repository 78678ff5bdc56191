import { LimitExceeded, MalformedInput } from '../../kernel/errors.ts'

/** What people may write, and how much of it. */

const titleLimit = 200
const titleLeast = 3
const commentLimit = 64 * 1024
/** A discussion is read as a whole, so it is bounded as a whole. */
export const eventLimit = 2000
export const discussionTextLimit = 4 * 1024 * 1024
/** Of one user who may not write to the repository. */
export const openLimit = 100
/** Of those who may not write to the repository, in pull requests that have not been merged. */
export const broughtByOneLimit = 20 * 1024 ** 3
export const broughtByAllLimit = 100 * 1024 ** 3

/** Without white space around it, and on one line. Throws MalformedInput. */
export function readTitle(text: string): string {
  const title = oneLine(text)
  if (title.length >= titleLeast && title.length <= titleLimit) return title
  throw new MalformedInput(
    'title',
    `has ${title.length} characters; it must have ${titleLeast} to ${titleLimit}`,
  )
}

/** A title made of the first line of a commit message, which has its own rules. */
export function titleOfCommit(message: string): string {
  const title = oneLine(message.split('\n', 1)[0] ?? '')
  if (title === '') return 'Untitled'
  return title.length > titleLimit ? `${title.slice(0, titleLimit - 1).toWellFormed()}…` : title
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, ' ').trim()
}

/** Throws LimitExceeded, MalformedInput when there is nothing to say. */
export function readComment(text: string): string {
  if (text.trim() === '') throw new MalformedInput('comment', 'is empty')
  return readDescription(text)
}

/** The same, but it may be empty. */
export function readDescription(text: string): string {
  const bytes = Buffer.byteLength(text)
  if (bytes > commentLimit) throw new LimitExceeded('a comment', commentLimit, 'bytes', bytes)
  return text
}
