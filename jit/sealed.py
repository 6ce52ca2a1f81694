"""A compile cache that is only read: kernels compiled when an image is built, used from a read-only root.

Numba passes over a cache folder in which it cannot create a file, and would compile anew at every start. This locator
takes the folder as it is. It is chosen from outside, where the folder is known to be complete for this interpreter and
this CPU name:

    NUMBA_CACHE_LOCATOR_CLASSES=jit.sealed.SealedCacheLocator  NUMBA_CPU_NAME=generic  BESS_PIPELINE_CACHE=/folder

A kernel that is missing from the folder compiles and cannot be stored: its plain twin runs instead, and start-up
says so.
"""

from __future__ import annotations

from pathlib import Path

from numba.core.caching import UserProvidedCacheLocator


class SealedCacheLocator(UserProvidedCacheLocator):
    """Numba's own folder layout, without the demand that it be writable. Raises OSError when there is no folder."""

    def ensure_cache_path(self) -> None:
        folder = Path(str(self.get_cache_path()))  # type: ignore[no-untyped-call]  # numba's own
        if not folder.is_dir():
            folder.mkdir(parents=True)
