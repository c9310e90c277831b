"""The class of every method of the contract.

A class states what effect a method may have on the cover of loans (docs/architecture.md).
"""

from __future__ import annotations

from enum import Enum


class MethodClass(Enum):
    """What effect a method may have on the cover of loans."""

    FACT = "fact"
    """Records something observed or agreed elsewhere. It is always recorded, may uncover a loan, and may thus cause a
    breach."""

    DISPOSITION = "disposition"
    """Changes by choice what secures a loan, or decides whether that may be done. It never uncovers a covered loan."""

    OVERRIDE = "override"
    """Makes a disposition that two people of the lender have permitted as an exception. It may uncover a loan."""

    NEUTRAL = "neutral"
    """Changes nothing that secures a loan."""


_METHODS = {
    MethodClass.FACT: """
        CreateAsset BatchCreateAssets UpdateAsset CorrectAssetIdentity RecordRightEvent
        CreatePriceSeries IngestPrices IngestFxRates
        CreateLoan UpdateLoan UpdateBalances CreateReserve
        CreateCertificate SubmitCertificate ApproveCertificate ReturnCertificate
        CreateDebtor UpdateDebtor MergeDebtors UndoDebtorMerge
        RecordAssignmentEvent RecordRegistrySearch RecordContractTerms ExcludeInvoices EndExclusion
        RecordDebtorLimit EndDebtorLimit
        RecordVerification RecordClosing CheckLedger
        PushStock RecordMovements ReportCount RecordInspection ResolveRejectedMovement
        PushInvoices RecordInvoiceEntries ResolveRejectedEntry
        ResolveFinding CheckDoublePledge ConfirmDoublePledge
        AdvanceBusinessDate ActivatePolicy ActivateEquipmentModel Revalue StartRevaluation ApproveProposal
    """,
    MethodClass.DISPOSITION: """
        RetireAsset PledgeAsset UpdatePledge ReleasePledge CloseLoan
        CheckDraw CheckPickup RequestPickup CancelPickup EndReserve
    """,
    MethodClass.OVERRIDE: "ApproveOverride",
    MethodClass.NEUTRAL: """
        GetAsset BatchGetAssets ListAssets
        GetCheckpoint ListAuditEntries GetInclusionProof GetConsistencyProof
        GetBreach ListBreaches AcknowledgeBreach GrantGrace WaiveBreach WatchBreaches
        NoteBreach DisputeBreach SettleDispute RecordCure EscalateBreach
        GetBusinessDate
        OpenDisposal RecordClaim RecordProceeds CloseDisposal GetDisposal ListDisposals GetRealisationTest
        GetDebtor ListDebtors GetDebtorExposure
        PlanVerification GetVerification ListVerifications ListClosings
        GetAssignment ListAssignments ListRegistrySearches ListContractTerms ListExclusions ListDebtorLimits
        FitEquipmentModel GetEquipmentFit WatchEquipmentFit GetEquipmentModel ListEquipmentModels
        AppraiseEquipment QuoteEquipment RecordAppraisal ListAppraisals ReconcileAppraisals BacktestAppraisers
        GetPoolStatement ListInvoices GetInvoice ExplainInvoice QuoteReceivablePool
        GetFinding ListFindings
        EstimateHaircut BacktestHaircut ListHaircutEstimates GetHaircutEstimate
        ForecastPrice ValueRight QuoteRight ListRightEvents ListComingFees
        GetInvoiceFeed ListInvoiceFeeds ListInvoiceEntries ListRejectedEntries
        GetLoan ListLoans GetPledge ListPledges
        ProposeOverride RejectOverride GetOverride ListOverrides
        CreateProposal RejectProposal GetProposal ListProposals
        SaveView ListSavedViews DeleteSavedView
        GetPickup ListPickups GetControlledValue
        GetBorrowingBase GetReserve ListReserves GetCertificate ListCertificates
        CreatePolicy GetPolicy ListPolicies GetAssetClass ListAssetClasses
        GetPriceSeries ListPriceSeries ListPrices
        GetServiceInfo
        GenerateLtvReport StreamLtvReport GenerateBreachReport GetLoanFacets GenerateConcentrationReport
        GetLoanHistory BatchGetLtvHistories GetBookHistory
        GenerateDifferenceReport
        GetRevaluation ListRevaluations WatchRevaluation PreviewRevaluation
        GetStockFeed UpdateStockFeed ListStockFeeds ListStockLots ListMovements ListRejectedMovements
        ValueAssets QuoteAsset QuotePool GetValuation ListValuations
        GetWarehouse ListWarehouses ListCountedLots
    """,
}

METHOD_CLASSES = {method: one for one, methods in _METHODS.items() for method in methods.split()}
"""The class of each method by the method's name. Names are unique among the services."""

_READS = """
    GetAssetClass ListAssetClasses
    GetAsset BatchGetAssets ListAssets GetBreach ListBreaches WatchBreaches GetBusinessDate GetEquipmentFit
    WatchEquipmentFit
    GetEquipmentModel ListEquipmentModels AppraiseEquipment QuoteEquipment ListAppraisals ReconcileAppraisals
    BacktestAppraisers GetFinding ListFindings EstimateHaircut BacktestHaircut ListHaircutEstimates GetHaircutEstimate
    ForecastPrice ValueRight QuoteRight ListRightEvents ListComingFees GetLoan ListLoans GetPledge ListPledges CheckDraw
    ListSavedViews
    GetOverride ListOverrides GetProposal ListProposals CheckPickup GetPickup ListPickups GetControlledValue
    GetPolicy ListPolicies GetPriceSeries ListPriceSeries ListPrices
    GenerateLtvReport StreamLtvReport GenerateBreachReport GenerateDifferenceReport GetRevaluation
    ListRevaluations WatchRevaluation GetStockFeed ListStockFeeds ListStockLots ListMovements ListRejectedMovements
    ValueAssets QuoteAsset QuotePool GetValuation ListValuations GetWarehouse ListWarehouses ListCountedLots
    GetInvoiceFeed ListInvoiceFeeds ListInvoiceEntries ListRejectedEntries
    GetPoolStatement ListInvoices GetInvoice ExplainInvoice QuoteReceivablePool
    GetDisposal ListDisposals GetRealisationTest GetLoanFacets GenerateConcentrationReport
    GetServiceInfo PreviewRevaluation GetDebtor ListDebtors GetDebtorExposure
    GetVerification ListVerifications ListClosings
    GetAssignment ListAssignments ListRegistrySearches ListContractTerms ListExclusions ListDebtorLimits
    GetBorrowingBase GetReserve ListReserves GetCertificate ListCertificates
    GetCheckpoint ListAuditEntries GetInclusionProof GetConsistencyProof
    GetLoanHistory BatchGetLtvHistories GetBookHistory
"""

READING_METHODS = frozenset(_READS.split())
"""Methods that record nothing. Every other method has ``request_id`` and ``validate_only``, or its comment in the
contract states why not."""
