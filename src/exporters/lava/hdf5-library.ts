/**
 * libhdf5 in WebAssembly, a new copy for every file that is read. A damaged file can spoil the library's memory without an error, after
 * which even an intact file may send it into an endless loop (seen with h5wasm 0.10.3); its shared copy is kept for writing.
 */
import type { ready } from "h5wasm";

export type Library = Awaited<typeof ready>;
type Factory = (options: { noInitialRun: boolean }) => Promise<Library>;

/** The package exports only a copy that all share; what makes copies lies beside its entry. */
const FACTORY_FILE = "./hdf5_util.js";

/** An own copy; it is freed when nothing refers to it. Its errors are thrown, by default it prints them. */
export async function freshLibrary(): Promise<Library> {
  const location = new URL(FACTORY_FILE, import.meta.resolve("h5wasm"));
  const { default: make } = (await import(/* @vite-ignore */ location.href)) as { default: Factory };
  const library = await make({ noInitialRun: true });
  library.activate_throwing_error_handler();
  return library;
}
