import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { describeApi } from './openapi.ts'
import { flag, list } from './query.ts'
import { type Route, route } from './route.ts'

const about = { summary: 'Try', answers: { 200: z.object({ done: z.boolean() }) } }

function document(definition: Partial<Route>) {
  const tried = route({
    method: 'GET',
    path: '/try',
    grant: 'anyone',
    about,
    handle: () => ({}),
    ...definition,
  })
  return describeApi([tried], '1.2.3')
}

describe('the API document', () => {
  it('has a repository route once for each type, with its segments named', () => {
    const { paths } = document({ path: '{api}/tree/*', about: { ...about, tail: ['revision', 'path?'] } })
    expect(Object.keys(paths)).toEqual(
      ['datasets', 'kernels', 'models', 'spaces'].flatMap(types => [
        `/api/${types}/{namespace}/{name}/tree/{revision}`,
        `/api/${types}/{namespace}/{name}/tree/{revision}/{path}`,
      ]),
    )
    const { get } = paths['/api/models/{namespace}/{name}/tree/{revision}']!
    expect(get!.parameters.map(parameter => [parameter.name, parameter.in, parameter.required])).toEqual([
      ['namespace', 'path', true],
      ['name', 'path', true],
      ['revision', 'path', true],
    ])
  })

  it('tells what a query takes, and what must be there', () => {
    const query = z.object({ full: flag, filter: list, service: z.string() })
    const [full, filter, service] = document({ query }).paths['/try']!.get!.parameters
    expect(full).toMatchObject({ name: 'full', in: 'query', required: false, schema: { type: 'boolean' } })
    expect(filter).toMatchObject({ required: false, schema: { type: 'array', items: { type: 'string' } } })
    expect(service).toMatchObject({ required: true })
  })

  it('lets a question carry more than is read, and an answer no more than is said', () => {
    const body = z.object({ name: z.string(), type: z.enum(['model', 'dataset']).nullish() })
    const { post } = document({ method: 'POST', body }).paths['/try']!
    const asked = (post!.requestBody as { content: Record<string, { schema: object }> }).content
    expect(asked['application/json']!.schema).toEqual({
      type: 'object',
      properties: {
        name: { type: 'string' },
        type: { anyOf: [{ type: 'string', enum: ['model', 'dataset'] }, { type: 'null' }] },
      },
      required: ['name'],
    })
    expect(post!.responses['200']).toMatchObject({
      content: { 'application/json': { schema: { required: ['done'], additionalProperties: false } } },
    })
  })

  it('says of every route how it is refused, and which key opens it', () => {
    const { get } = document({ grant: 'repo:write' }).paths['/try']!
    expect(get!.responses['4XX']).toEqual({ $ref: '#/components/responses/Refused' })
    expect(get!.security).toEqual([{ token: [] }, { password: [] }])
  })
})
