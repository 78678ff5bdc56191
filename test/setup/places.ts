import { resolve } from 'node:path'

/** The checkout. */
export const ROOT = resolve(import.meta.dirname, '../..')

/** All that set-up installs; may be deleted at any time, `make setup` brings it back. */
export const CACHE = resolve(ROOT, '.cache')

/** The virtual environment with the pinned Python clients. */
export const PYTHON_ENVIRONMENT = resolve(CACHE, 'python')

/** The unpacked wheels: one folder each, named like the package it holds. */
export const INPUTS = resolve(CACHE, 'inputs')

/** Programs taken out of Debian packages where they could not be installed; last on PATH. */
export const UNPACKED_TOOLS = resolve(CACHE, 'tools/usr/bin')
