/** Files: all-or-nothing writing and bounded reading, and the words of their errors. */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { crc32, crc32c, ensureDirectory, readFileChecked, sha256, writeFileAtomic } from "../../src/core/index.ts";
import { errorOf, temporaryFolder } from "../error-of.ts";

const folder = temporaryFolder();
const NOBODY = 65534;

/** Runs as a user without rights, also where the tests run as root. */
function withoutRights<R>(body: () => R): R {
  const root = process.geteuid?.() === 0;
  if (root) process.seteuid?.(NOBODY);
  try {
    return body();
  } finally {
    if (root) process.seteuid?.(0);
  }
}

describe("writing", () => {
  it("writes text and pieces, replaces what was there and leaves nothing beside it", () => {
    const inside = join(folder, "clean");
    ensureDirectory(inside);
    const path = join(inside, "a.bin");
    writeFileAtomic(path, "earlier");
    writeFileAtomic(path, [Uint8Array.of(1, 2), new Uint8Array(0), Uint8Array.of(3)]);
    expect([...readFileSync(path)]).toEqual([1, 2, 3]);
    expect(readdirSync(inside)).toEqual(["a.bin"]);
  });

  it("refuses a folder as target, and keeps the folder", () => {
    const path = join(folder, "taken");
    mkdirSync(path);
    const error = errorOf(() => writeFileAtomic(path, "x"));
    expect(error.code).toBe("WRITE");
    expect(error.message).toContain(path);
    expect(error.message).toContain("a folder");
    expect(readdirSync(folder).filter((name) => name.includes("partial"))).toEqual([]);
  });

  it("names a folder that does not exist", () => {
    const error = errorOf(() => writeFileAtomic(join(folder, "nowhere", "a"), "x"));
    expect(error.code).toBe("WRITE");
    expect(error.message).toContain("Create its folder first.");
  });

  it.runIf(existsSync("/dev/full"))("says that the disk is full", () => {
    const error = errorOf(() => writeFileAtomic("/dev/full", "x"));
    expect(error.code).toBe("WRITE");
    expect(error.message).toContain("a full disk (ENOSPC)");
    expect(existsSync("/dev/full")).toBe(true);
  });

  it("says that permission is missing, and keeps the earlier file", () => {
    const inside = join(folder, "locked");
    mkdirSync(inside);
    writeFileSync(join(inside, "a"), "earlier");
    chmodSync(inside, 0o500);
    const error = withoutRights(() => errorOf(() => writeFileAtomic(join(inside, "a"), "x")));
    chmodSync(inside, 0o700);
    expect(error.code).toBe("WRITE");
    expect(error.message).toContain("no permission");
    expect(readFileSync(join(inside, "a"), "utf8")).toBe("earlier");
  });

  it("ends, with the folder's name, where the system denies folders inside one that exists", (context) => {
    // /proc answers "no such folder" to that, on which Node's own recursion never ends
    if (!existsSync("/proc/self")) context.skip("this system has no /proc");
    const error = errorOf(() => ensureDirectory("/proc/nowhere/below"));
    expect(error.code).toBe("WRITE");
    expect(error.message).toContain("/proc/nowhere/below");
  });

  it("creates nested folders, and names a file that stands in the way", () => {
    ensureDirectory(join(folder, "x", "y"));
    ensureDirectory(join(folder, "x", "y"));
    expect(existsSync(join(folder, "x", "y"))).toBe(true);
    writeFileSync(join(folder, "plain"), "");
    expect(errorOf(() => ensureDirectory(join(folder, "plain", "z"))).code).toBe("WRITE");
    expect(errorOf(() => ensureDirectory(join(folder, "plain"))).message).toContain("a file where a folder is needed");
  });
});

describe("reading", () => {
  it("reads a whole file", () => {
    writeFileSync(join(folder, "r"), "abc");
    expect(Buffer.from(readFileChecked(join(folder, "r"))).toString()).toBe("abc");
  });

  it.each([
    ["a missing file", "missing", "no such file"],
    ["a folder", ".", "a folder"],
  ])("refuses %s as a FILE error that names the path", (_, name, words) => {
    const error = errorOf(() => readFileChecked(join(folder, name)));
    expect(error.code).toBe("FILE");
    expect(error.message).toContain(join(folder, name));
    expect(error.message).toContain(words);
  });

  it("refuses a file above the limit before reading it", () => {
    writeFileSync(join(folder, "big"), "12345");
    const error = errorOf(() => readFileChecked(join(folder, "big"), { maxBytes: 4 }));
    expect(error.message).toContain("at most 4 bytes, got 5 bytes");
  });
});

describe("checksums", () => {
  it("give the published values for the digits 1 to 9", () => {
    const digits = Buffer.from("123456789");
    // ISO 3309 and RFC 3720 (iSCSI) check values; SHA-256 from `printf 123456789 | sha256sum`.
    expect(crc32(digits)).toBe(0xcbf43926);
    expect(crc32c(digits)).toBe(0xe3069283);
    expect(sha256(digits)).toBe("15e2b0d3c33891ebb0f1ef609ec419420c20e320ce94c65fbc8c3312448eb225");
  });
});
