import pytest

for _tales in ("corners", "killed_worker", "lost_answers", "profiles", "proof", "trouble"):
    pytest.register_assert_rewrite(f"tests.standin.tales_of_{_tales}")
