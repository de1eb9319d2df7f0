/**
 * Patches and deletes that are under way. A rollback that is swapped in while one reads is not noticed by it: what it then
 * writes was made from what the document was before. See docs/architecture.md, S4.
 */
export class Changes {
  readonly #patches = new Set<string>();
  readonly #deletes = new Map<string, number>();
  readonly #overtakenPatches = new Set<string>();
  readonly #overtakenDeletes = new Set<string>();

  /** `mark` is in what the patch writes. The returned function is called once it was acknowledged: any other may come later. */
  patching(mark: string): () => void {
    this.#patches.add(mark);
    return () => this.#patches.delete(mark);
  }

  deleting(id: string): () => void {
    this.#deletes.set(id, (this.#deletes.get(id) ?? 0) + 1);
    return () => this.#deletes.set(id, (this.#deletes.get(id) ?? 0) - 1);
  }

  rolledBack(): void {
    for (const mark of this.#patches) this.#overtakenPatches.add(mark);
    for (const [id, count] of this.#deletes) if (count > 0) this.#overtakenDeletes.add(id);
  }

  mayPatchTheOld(mark: string): boolean {
    return this.#overtakenPatches.has(mark);
  }
  mayDeleteNothing(id: string): boolean {
    return this.#overtakenDeletes.has(id);
  }
}
