import assert from 'node:assert/strict'
import { test } from 'node:test'
import { changedFields, type Draft, EMPTY, isChanged, rebase, roleChanges } from './draft.ts'

const base: Draft = {
  ...EMPTY,
  firstName: 'Ben',
  lastName: 'Brown',
  roleIds: ['viewer', 'clerk'],
}

test('roles in another order are no change', () => {
  assert.equal(isChanged({ ...base, roleIds: ['clerk', 'viewer'] }, base), false)
})

test('only the moves are told, not the roles that stay', () => {
  assert.deepEqual(roleChanges({ ...base, roleIds: ['clerk', 'manager'] }, base), {
    add: ['manager'],
    remove: ['viewer'],
  })
  assert.equal(roleChanges(base, base), null)
})

test("one's own changes go on top of a colleague's", () => {
  const mine: Draft = { ...base, firstName: 'Benjamin', roleIds: ['clerk', 'manager'] }
  const theirs: Draft = { ...base, lastName: 'Black', roleIds: ['viewer', 'clerk', 'auditor'] }

  assert.deepEqual(rebase(mine, base, theirs), {
    ...base,
    firstName: 'Benjamin',
    lastName: 'Black',
    roleIds: ['clerk', 'auditor', 'manager'],
  })
})

test('where both changed a field, the reader wins', () => {
  const merged = rebase({ ...base, lastName: 'Mine' }, base, { ...base, lastName: 'Theirs' })

  assert.equal(merged.lastName, 'Mine')
})

test("a colleague's changes are named", () => {
  assert.deepEqual(changedFields(base, { ...base, lastName: 'Black', roleIds: ['viewer'] }), [
    'lastName',
    'roleIds',
  ])
})
