import { z } from 'zod'
import { changedCollection, collection, collections } from '../../../contract/collections.ts'
import { nothing } from '../../../contract/parts.ts'
import { encodeCursor, linkNextPage, readPosition } from '../../http/pages.ts'
import { count, list, text } from '../../http/query.ts'
import { type Call, type Route, route } from '../../http/route.ts'
import type { Actor, User } from '../../kernel/actor.ts'
import { MalformedInput, RepoNotFound } from '../../kernel/errors.ts'
import { collectionThemes } from './collection.ts'
import { CollectionNotFound, ItemTypeUnknown } from './errors.ts'
import { findCollection, findOwnCollection } from './find-collection.ts'
import type { CommunityParts } from './parts.ts'
import { presentCollection, presentCollections } from './present-collection.ts'
import { listCollections } from './store-collections.ts'
import { createCollection, removeCollection, updateCollection } from './write-collection.ts'
import { addItem, changeItem, idOfItem, removeItem } from './write-item.ts'

/** hub-protocol section 9: collections. A slug is two segments of a path, of which the last 24 digits decide. */

const title = z
  .string()
  .trim()
  .min(1)
  .max(100)
  .regex(/^[^\p{Cc}\u2028\u2029]*$/u, 'must be one line')
const description = z.string().max(150)
const note = z.string().max(500)
const place = z.number().int().min(0).max(1_000_000)
const item = z.object({ type: z.string().max(20), id: z.string().max(400) })

const listQuery = z.object({ owner: list, item: list, sort: text, q: text, limit: count, cursor: text })
const sorts = ['lastModified', 'trending', 'upvotes']
const pageSize = 100
/** Each is looked up. */
const mostNames = 20

export function collectionRoutes(parts: CommunityParts): Route[] {
  return [...wholeRoutes(parts), ...itemRoutes(parts)]
}

function wholeRoutes(parts: CommunityParts): Route[] {
  return [
    route({
      method: 'GET',
      path: '/api/collections',
      grant: 'anyone',
      about: { summary: 'Collections, the last changed first', answers: { 200: collections } },
      query: listQuery,
      handle: call => listPage(parts, call),
    }),
    route({
      method: 'POST',
      path: '/api/collections',
      grant: 'signed-in',
      about: { summary: 'Make a collection', answers: { 200: collection } },
      body: z.object({
        title,
        namespace: z.string().max(100).nullish(),
        description: description.nullish(),
        private: z.boolean().nullish(),
      }),
      async handle({ actor, body, origin }) {
        const user = actor as User
        const made = await createCollection(parts, user, {
          namespace: body.namespace ?? user.name,
          title: body.title,
          description: body.description || null,
          isPrivate: body.private ?? false,
        })
        return presentCollection(parts, actor, made, origin)
      },
    }),
    route({
      method: 'GET',
      path: '/api/collections/:namespace/:slug',
      grant: 'anyone',
      about: { summary: 'A collection with all its items', answers: { 200: collection } },
      async handle(call) {
        const found = await findCollection(parts, call.actor, slugIn(call))
        return presentCollection(parts, call.actor, found, call.origin)
      },
    }),
    route({
      method: 'PATCH',
      path: '/api/collections/:namespace/:slug',
      grant: 'signed-in',
      about: { summary: 'Change what a collection says of itself', answers: { 200: changedCollection } },
      body: z.object({
        title: title.nullish(),
        description: description.nullish(),
        private: z.boolean().nullish(),
        theme: z.enum(collectionThemes).nullish(),
        position: place.nullish(),
      }),
      async handle(call) {
        const { body } = call
        const found = await findOwnCollection(parts, call.actor, slugIn(call as Call))
        const change = {
          ...(body.title != null && { title: body.title }),
          ...(body.description != null && { description: body.description || null }),
          ...(body.private != null && { isPrivate: body.private }),
          ...(body.theme != null && { theme: body.theme }),
        }
        const changed = await updateCollection(parts, found, change, body.position ?? undefined)
        return { success: true, data: await presentCollection(parts, call.actor, changed, call.origin) }
      },
    }),
    route({
      method: 'DELETE',
      path: '/api/collections/:namespace/:slug',
      grant: 'signed-in',
      about: { summary: 'Delete a collection', answers: { 204: null } },
      async handle(call) {
        await removeCollection(parts, await findOwnCollection(parts, call.actor, slugIn(call)))
      },
    }),
  ]
}

function itemRoutes(parts: CommunityParts): Route[] {
  const path = '/api/collections/:namespace/:slug/items'
  return [
    route({
      method: 'POST',
      path,
      grant: 'signed-in',
      about: { summary: 'Add an item to a collection', answers: { 200: collection } },
      body: z.object({ item, note: note.nullish() }),
      async handle(call) {
        const found = await findOwnCollection(parts, call.actor, slugIn(call as Call))
        await addItem(parts, call.actor, found, call.body.item, call.body.note || null)
        return presentCollection(parts, call.actor, found, call.origin)
      },
    }),
    route({
      method: 'PATCH',
      path: `${path}/:item`,
      grant: 'signed-in',
      about: { summary: 'Change the note or the place of an item', answers: { 200: nothing } },
      body: z.object({ note: note.nullish(), position: place.nullish() }),
      async handle(call) {
        const found = await findOwnCollection(parts, call.actor, slugIn(call as Call))
        await changeItem(parts, found, String(call.params.item), {
          ...(call.body.note != null && { note: call.body.note || null }),
          ...(call.body.position != null && { position: call.body.position }),
        })
        return {}
      },
    }),
    route({
      method: 'DELETE',
      path: `${path}/:item`,
      grant: 'signed-in',
      about: { summary: 'Take an item out of a collection', answers: { 204: null } },
      async handle(call) {
        const found = await findOwnCollection(parts, call.actor, slugIn(call))
        await removeItem(parts, found, String(call.params.item))
      },
    }),
  ]
}

function slugIn({ params }: Pick<Call, 'params'>): string {
  return `${params.namespace}/${params.slug}`
}

async function listPage(parts: CommunityParts, call: Call<z.infer<typeof listQuery>>) {
  const { query, actor } = call
  if (query.sort !== undefined && !sorts.includes(query.sort)) {
    throw new MalformedInput('sort', `"${query.sort}" is not one of ${sorts.join(', ')}`)
  }
  if (query.owner.length > mostNames || query.item.length > mostNames) {
    throw new MalformedInput('owner and item', `may be given ${mostNames} times each`)
  }
  const limit = Math.min(query.limit ?? pageSize, pageSize)
  const before =
    query.cursor === undefined
      ? undefined
      : readPosition(query.cursor, z.object({ at: z.number(), id: z.string() }))
  const found = await listCollections(parts.database.sql, {
    ownerIds: query.owner.length > 0 ? await ownerIds(parts, query.owner) : undefined,
    itemIds: query.item.length > 0 ? await itemIds(parts, actor, query.item) : undefined,
    text: query.q || undefined,
    reach: parts.policy.privateReach(actor),
    before,
    limit: limit + 1,
  })
  const page = found.slice(0, limit)
  const last = page.at(-1)
  const next = found.length > limit && last ? encodeCursor({ at: last.updatedAt, id: last.id }) : undefined
  linkNextPage(call as Call, next)
  return presentCollections(parts, actor, page, call.origin)
}

async function ownerIds({ accounts }: CommunityParts, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(names.map(name => accounts.findAccount(name)))
  return found.flatMap(account => account?.id ?? [])
}

/** Of `models/ns/name`, `collections/slug` …; what the actor does not see is in no collection. */
async function itemIds(parts: CommunityParts, actor: Actor, names: readonly string[]): Promise<string[]> {
  const found = await Promise.all(
    names.map(async name => {
      const [, type = '', id = ''] = /^(\w+)s\/(.+)$/.exec(name) ?? []
      try {
        return [await idOfItem(parts, actor, { type, id })]
      } catch (error) {
        const isAbsent =
          error instanceof RepoNotFound ||
          error instanceof CollectionNotFound ||
          error instanceof ItemTypeUnknown
        if (isAbsent) return []
        throw error
      }
    }),
  )
  return found.flat()
}
