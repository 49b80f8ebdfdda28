import pytest
from tests.duties import DUTIES, Case
from tests.tensor_products.cg_cases import CASES
@pytest.mark.parametrize("duty", list(DUTIES))
@pytest.mark.parametrize("case", [pytest.param(c,id=c.name) for c in CASES])
def test_duty(case,duty): DUTIES[duty](case)
